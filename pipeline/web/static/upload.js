// Files handed in from the browser: dropped or chosen, sent one after the other, each with what became of it.

const form = document.getElementById("drop");
const list = document.getElementById("dropped");
const csrf = document.querySelector("meta[name=csrf]").content;
const words = {
  stored: (answer) => (answer.files ? `${answer.files} files taken in as a batch, being read${answer.reason ? `; ${answer.reason}` : ""}` : "taken in, being read"),
  duplicate: (answer) => `was here already, as ${answer.first_name}`,
  quarantined: (answer) => `could not be taken: ${answer.reason}`,
};
let queue = Promise.resolve();

async function send(file, line) {
  line.textContent = `${file.name}: being sent`;
  try {
    const answer = await fetch(`/upload/${encodeURIComponent(file.name)}`, {
      method: "POST",
      body: file,
      headers: { "x-csrf-token": csrf, accept: "application/json", "content-type": "application/octet-stream" },
    });
    const told = await answer.json();
    line.textContent = `${file.name}: ${answer.ok ? words[told.status](told) : `not taken. ${told.error} ${told.remedy}`}`;
    line.classList.toggle("bad-words", !answer.ok || told.status === "quarantined");
  } catch {
    line.textContent = `${file.name}: not taken, the connection broke. Hand it in again.`;
    line.classList.add("bad-words");
  }
}

function take(files) {
  for (const file of files) {
    const line = document.createElement("li");
    line.textContent = `${file.name}: waits`;
    list.append(line);
    queue = queue.then(() => send(file, line));
  }
}

form.hidden = false;
document.getElementById("files").addEventListener("change", (event) => {
  take(event.target.files);
  event.target.value = "";
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.toggle("over", kind === "dragover");
    if (kind === "drop") take(event.dataTransfer.files);
  });
}
