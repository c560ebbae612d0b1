// The images of a study beside their overlays. Pixels come rendered from DICOMweb.

const viewer = document.getElementById("viewer")
const study = viewer.dataset.study
const series = JSON.parse(viewer.dataset.series)
const overlays = JSON.parse(viewer.dataset.overlays)
const MODES = ["beside", "source", "overlay"]

const pages = overlays.flatMap((each) =>
  Array.from({ length: each.frames }, (_, index) => ({ ...each, frame: index + 1 })))
const slicesOf = (of) => of?.instances.flatMap((each) =>
  Array.from({ length: each.frames }, (_, index) => ({ ...each, frame: index + 1, series: of.series }))) ?? []

const panes = Object.fromEntries([...viewer.querySelectorAll(".pane")].map((each) => [each.dataset.pane, each]))
const tags = document.getElementById("tags")
const state = { slices: slicesOf(series[0]), slice: 0, page: 0, mode: 0, zoom: 1, turn: 0, invert: false, window: null }
let header = { uid: "", lines: [] }

state.slice = Math.floor((state.slices.length - 1) / 2)
if (!pages.length) state.mode = 1

function sourceUrl(slice) {
  const path = `/dicom-web/studies/${study}/series/${slice.series}/instances/${slice.uid}/frames/${slice.frame}/rendered`
  return state.window ? `${path}?window=${state.window.map((each) => each.toFixed(2)).join(",")},linear` : path
}

// One picture is fetched at a time: what was skipped while dragging is never asked for.
const pending = new Map()
function picture(pane, url) {
  const image = pane.querySelector("img")
  if (pending.has(pane)) {
    pending.set(pane, url)
    return
  }
  if (image.getAttribute("src") === url) return
  pending.set(pane, null)
  const done = () => {
    const next = pending.get(pane)
    pending.delete(pane)
    if (next) picture(pane, next)
  }
  image.onload = () => { pane.classList.remove("none"); done() }
  image.onerror = () => { pane.classList.add("none"); done() }
  image.src = url
}

function draw() {
  const mode = MODES[state.mode]
  viewer.dataset.mode = mode
  const slice = state.slices[state.slice]
  const page = pages[state.page]
  panes.source.hidden = mode === "overlay" || !slice
  panes.overlay.hidden = mode === "source" || !page
  if (slice && !panes.source.hidden) {
    picture(panes.source, sourceUrl(slice))
    panes.source.querySelector("img").alt = `Image ${state.slice + 1}`
    const shown = state.window ? `, window ${Math.round(state.window[1])}, level ${Math.round(state.window[0])}` : ""
    panes.source.querySelector("figcaption").textContent = `Image ${state.slice + 1} of ${state.slices.length}${shown}`
  }
  if (page && !panes.overlay.hidden) {
    picture(panes.overlay, `/studies/${study}/overlays/${page.uid}.png?frame=${page.frame}`)
    panes.overlay.querySelector("img").alt = `Overlay of ${page.text}`
    panes.overlay.querySelector("figcaption").textContent = `Overlay of ${page.text}, ${state.page + 1} of ${pages.length}`
  }
  const image = panes.source.querySelector("img")
  image.style.transform = `scale(${state.zoom}) rotate(${state.turn}deg)`
  image.style.filter = state.invert ? "invert(1)" : ""
  panes.overlay.querySelector("img").style.transform = `scale(${state.zoom})`
  viewer.querySelector("[data-do=invert]").setAttribute("aria-pressed", String(state.invert))
  viewer.querySelector("[data-do=overlay]").disabled = !pages.length
  document.getElementById("where").textContent = slice ? "" : "no image can be shown"
  if (tags.open) showTags()
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), most)
const isOverlay = (pane) => pane === panes.overlay

function scroll(pane, by) {
  if (isOverlay(pane)) state.page = clamp(state.page + by, 0, pages.length - 1)
  else state.slice = clamp(state.slice + by, 0, state.slices.length - 1)
  draw()
}

const DO = {
  overlay: () => { if (pages.length) state.mode = (state.mode + 1) % MODES.length },
  invert: () => { state.invert = !state.invert },
  larger: () => { state.zoom = clamp(state.zoom * 1.25, 0.25, 8) },
  smaller: () => { state.zoom = clamp(state.zoom / 1.25, 0.25, 8) },
  rotate: () => { state.turn = (state.turn + 90) % 360 },
  reset: () => Object.assign(state, { zoom: 1, turn: 0, invert: false, window: null }),
}
const KEYS = { o: "overlay", i: "invert", "+": "larger", "=": "larger", "-": "smaller", r: "rotate", 0: "reset" }

async function readHeader(slice) {
  if (header.uid === slice.uid) return header
  const answer = await fetch(`/studies/${study}/instances/${slice.uid}/tags`).catch(() => null)
  header = { uid: slice.uid, lines: answer?.ok ? await answer.json() : [] }
  return header
}

const first = (name) => parseFloat(header.lines.find((each) => each.name === name)?.value.split("\\")[0])

// What the header says, or else the whole range of its bits.
async function firstWindow(slice) {
  await readHeader(slice)
  const [centre, width] = [first("WindowCenter"), first("WindowWidth")]
  if (Number.isFinite(centre) && width >= 1) return [centre, width]
  const [bits, slope, zero] = [first("BitsStored") || 8, first("RescaleSlope") || 1, first("RescaleIntercept") || 0]
  const range = 2 ** bits * slope
  return [range / 2 + zero, range]
}

let drag = null
panes.source.addEventListener("pointerdown", async (event) => {
  if (event.button !== 0 || !state.slices.length) return
  panes.source.setPointerCapture(event.pointerId)
  const mine = { x: event.clientX, y: event.clientY, from: null }
  drag = mine
  mine.from = state.window ?? (await firstWindow(state.slices[state.slice]))
})
panes.source.addEventListener("pointermove", (event) => {
  if (!drag?.from) return
  const step = drag.from[1] / 250 // of the window for one pixel
  const width = Math.max(1, drag.from[1] + (event.clientX - drag.x) * step)
  state.window = [drag.from[0] + (event.clientY - drag.y) * step, width]
  draw()
})
for (const end of ["pointerup", "pointercancel"]) panes.source.addEventListener(end, () => { drag = null })

for (const pane of Object.values(panes)) {
  pane.addEventListener("wheel", (event) => {
    event.preventDefault()
    if (event.ctrlKey) DO[event.deltaY < 0 ? "larger" : "smaller"]()
    else return scroll(pane, Math.sign(event.deltaY))
    draw()
  }, { passive: false })
}
viewer.querySelector("[name=series]").addEventListener("change", (event) => {
  state.slices = slicesOf(series[Number(event.target.value)])
  state.slice = Math.floor((state.slices.length - 1) / 2)
  state.window = null
  draw()
})
viewer.querySelector(".tools").addEventListener("click", (event) => {
  const act = DO[event.target.dataset.do]
  if (act) { act(); draw() }
})
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return
  const by = { ArrowDown: 1, ArrowRight: 1, PageDown: 10, ArrowUp: -1, ArrowLeft: -1, PageUp: -10 }[event.key]
  const pane = event.target.closest?.(".pane") ?? (MODES[state.mode] === "overlay" ? panes.overlay : panes.source)
  if (by && (event.target.closest?.("#viewer") || event.target === document.body)) scroll(pane, by)
  else if (KEYS[event.key]) { DO[KEYS[event.key]](); draw() }
  else return
  event.preventDefault()
})

async function showTags() {
  const slice = state.slices[state.slice]
  if (!slice) return
  await readHeader(slice)
  const words = tags.querySelector("input").value.toLowerCase().split(/\s+/)
  const fits = (each) => words.every((word) => `${each.tag} ${each.name} ${each.value}`.toLowerCase().includes(word))
  tags.querySelector("tbody").replaceChildren(...header.lines.filter(fits).map((each) => {
    const row = document.createElement("tr")
    for (const text of [each.tag, each.vr, each.name, each.value]) {
      row.append(Object.assign(document.createElement("td"), { textContent: text }))
    }
    return row
  }))
}
tags.addEventListener("toggle", showTags)
tags.querySelector("input").addEventListener("input", showTags)
draw()
