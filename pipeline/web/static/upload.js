// Upload: files that are dropped or chosen are sent one after the other, each with its result.

const form = document.getElementById("upload");
const list = document.getElementById("uploads");
const csrf = document.querySelector("meta[name=csrf]").content;
const descriptions = {
  stored: (result) => (result.files ? `${result.files} files uploaded as a batch, processing${result.reason ? `; ${result.reason}` : ""}` : "uploaded, processing"),
  duplicate: (result) => `already received as ${result.duplicate_of}`,
  quarantined: (result) => `could not be ingested: ${result.reason}`,
};
let queue = Promise.resolve();

async function send(file, line) {
  line.textContent = `${file.name}: uploading`;
  try {
    const response = await fetch(`/upload/${encodeURIComponent(file.name)}`, {
      method: "POST",
      body: file,
      headers: { "x-csrf-token": csrf, accept: "application/json", "content-type": "application/octet-stream" },
    });
    const result = await response.json();
    const description = response.ok ? descriptions[result.status](result) : `not uploaded. ${result.error} ${result.remedy}`;
    line.textContent = `${file.name}: ${description}`;
    line.classList.toggle("error-text", !response.ok || result.status === "quarantined");
  } catch {
    line.textContent = `${file.name}: not uploaded, the connection was lost. Upload it again.`;
    line.classList.add("error-text");
  }
}

function enqueue(files) {
  for (const file of files) {
    const line = document.createElement("li");
    line.textContent = `${file.name}: waiting`;
    list.append(line);
    queue = queue.then(() => send(file, line));
  }
}

form.hidden = false;
document.getElementById("files").addEventListener("change", (event) => {
  enqueue(event.target.files);
  event.target.value = "";
});
for (const type of ["dragover", "dragleave", "drop"]) {
  addEventListener(type, (event) => {
    event.preventDefault();
    form.classList.toggle("over", type === "dragover");
    if (type === "drop") enqueue(event.dataTransfer.files);
  });
}
