// The figures stay true without a reload: the server sends that part of the page again when it has changed.

const part = document.querySelector("[data-stream]");
const live = document.getElementById("live");
const source = new EventSource(part.dataset.stream);
source.onopen = () => (live.textContent = "live");
source.onmessage = (event) => {
  part.innerHTML = event.data; // our own server's template, escaped there; no script in it could run under the policy
  live.textContent = "live";
};
source.onerror = () => (live.textContent = "the connection is lost; trying again");
source.addEventListener("over", () => {
  source.close();
  live.textContent = "signed out";
});
