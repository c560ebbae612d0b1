// Upload: file after file, a few at a time, each with its progress and what became of it.

const LANES = 3 // requests at once
const MOST = 5000 // files
const form = document.getElementById("upload")
const drop = document.getElementById("drop")
const chooser = document.getElementById("chooser")
const list = document.getElementById("files")
const send = document.getElementById("send")
const clear = document.getElementById("clear")
const said = document.getElementById("said")
const entries = [] // { file, state: ready | sending | done | failed, study, item }
let sending = false

const isPicture = (file) => /^image\/(png|jpeg)$/.test(file.type) || /\.(png|jpe?g)$/i.test(file.name)
const size = (bytes) => bytes >= 1e6 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.max(1, Math.round(bytes / 1e3))} kB`

function add(files) {
  for (const file of files) {
    if (entries.length >= MOST) break
    if (file.name.startsWith(".") || file.name === "DICOMDIR") continue
    const item = document.createElement("li")
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: file.name })
    const state = Object.assign(document.createElement("span"), { className: "state", textContent: size(file.size) })
    const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 })
    bar.setAttribute("aria-label", file.name)
    item.append(name, state, bar)
    list.append(item)
    entries.push({ file, item, state: "ready", number: entries.length + 1 })
  }
  show()
}

function tell(entry, state, text, study) {
  entry.state = state
  entry.item.className = { done: "good", failed: "bad" }[state] ?? ""
  entry.item.querySelector(".state").textContent = text
  if (state === "done" || state === "failed") entry.item.querySelector("progress")?.remove()
  if (study && !entry.item.querySelector("a")) {
    entry.item.append(Object.assign(document.createElement("a"), { href: `/studies/${study}`, textContent: "Open the study" }))
  }
}

function show() {
  const count = (state) => entries.filter((each) => each.state === state).length
  const [ready, done, failed] = ["ready", "done", "failed"].map(count)
  send.textContent = ready ? `Upload ${ready} ${ready === 1 ? "file" : "files"}` : failed ? "Try the failed again" : "Upload"
  send.disabled = sending
  clear.hidden = sending || !entries.length
  if (!entries.length) return
  const studies = new Set(entries.map((each) => each.study).filter(Boolean)).size
  const parts = []
  if (sending) parts.push(`${done + failed} of ${entries.length} sent`)
  else if (done) parts.push(`${done} of ${entries.length} stored, ${studies} ${studies === 1 ? "study" : "studies"}`)
  if (failed) parts.push(`${failed} failed`)
  said.className = failed ? "said problem" : "said"
  said.textContent = parts.join("; ")
}

function post(entry) {
  const body = new FormData()
  for (const [name, value] of new FormData(form)) if (!(value instanceof File)) body.set(name, value)
  body.set("number", String(entry.number))
  body.set("file", entry.file, entry.file.name)
  const bar = entry.item.querySelector("progress") ?? entry.item.appendChild(Object.assign(document.createElement("progress"), { max: 1 }))
  return new Promise((resolve) => {
    const request = new XMLHttpRequest()
    request.open("POST", "/upload")
    request.setRequestHeader("Accept", "application/json")
    request.responseType = "json"
    request.upload.onprogress = (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total }
    request.onload = () => {
      const answer = request.response
      const file = answer?.files?.[0]
      if (file && !file.problem) {
        entry.study = file.study
        tell(entry, "done", file.receipt, file.study)
      } else tell(entry, "failed", file?.problem ?? answer?.detail ?? `not stored (${request.status})`)
      resolve()
    }
    request.onerror = () => { tell(entry, "failed", "not stored: the node does not answer"); resolve() }
    tell(entry, "sending", size(entry.file.size))
    request.send(body)
  })
}

async function upload() {
  const waiting = entries.filter((each) => each.state === "ready")
  const queue = waiting.length ? waiting : entries.filter((each) => each.state === "failed")
  if (!queue.length) {
    said.textContent = "Choose files first."
    return chooser.focus()
  }
  if (queue.some((each) => isPicture(each.file)) && !form.elements.patient_id.value.trim()) {
    said.className = "said problem"
    said.textContent = "A PNG or JPEG needs a patient ID."
    return form.elements.patient_id.focus()
  }
  sending = true
  show()
  const lane = async () => {
    for (let entry = queue.shift(); entry; entry = queue.shift()) {
      await post(entry)
      show()
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  sending = false
  show()
}

// A folder is walked through; a file is taken as it is.
async function walk(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))]
  const reader = entry.createReader()
  const found = []
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (!some.length) return found
    for (const each of some) found.push(...(await walk(each)))
  }
}

chooser.addEventListener("change", () => {
  add([...chooser.files])
  chooser.value = ""
})
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => { event.preventDefault(); drop.classList.add("over") })
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"))
// Beside the place to drop, a browser would leave the page and show the file.
document.addEventListener("dragover", (event) => event.preventDefault())
document.addEventListener("drop", async (event) => {
  event.preventDefault()
  const found = [...event.dataTransfer.items].map((each) => each.webkitGetAsEntry?.()).filter(Boolean)
  const files = found.length ? (await Promise.all(found.map(walk))).flat() : [...event.dataTransfer.files]
  add(files)
})
form.addEventListener("submit", (event) => {
  event.preventDefault()
  if (!sending) upload()
})
// Another study needs another name: the page brings a new one.
clear.addEventListener("click", () => location.assign("/upload"))
addEventListener("beforeunload", (event) => { if (sending) event.preventDefault() })

function fit() {
  const isDigital = form.elements.wrapping.value === "DX"
  form.elements.modality.disabled = isDigital
  if (isDigital) form.elements.modality.value = "DX"
  form.elements.pixel_spacing_mm.required = isDigital && entries.some((each) => isPicture(each.file))
}
form.addEventListener("change", fit)
list.replaceChildren()
fit()
