// Live updates: the server sends a part of the page again when it has changed.

const part = document.querySelector("[data-stream]");
const live = document.getElementById("live");
const source = new EventSource(part.dataset.stream);
source.onopen = () => (live.textContent = "live");
source.onmessage = (event) => {
  part.innerHTML = event.data; // from this server's own template, escaped there; the content security policy blocks inline scripts
  live.textContent = "live";
};
source.onerror = () => (live.textContent = "connection lost, reconnecting");
source.addEventListener("over", () => {
  source.close();
  live.textContent = "signed out";
});
