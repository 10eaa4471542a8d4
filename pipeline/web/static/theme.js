// Before the first paint: apply the theme that was chosen in this browser, otherwise the system's.
(() => {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
