// The images of a study beside their overlays. Pixels come rendered from DICOMweb.

import { Pictures } from "./pictures.js"

const viewer = document.getElementById("viewer")
const study = viewer.dataset.study
const series = JSON.parse(viewer.dataset.series)
const overlays = JSON.parse(viewer.dataset.overlays)
const MODES = ["beside", "source", "overlay"]
const AHEAD = 12 // slices that are fetched before they are asked for
const BEHIND = 4

// A page of an overlay shows one slice: `source` is its SOP Instance UID.
const pages = overlays.flatMap((each) =>
  Array.from({ length: each.frames }, (_, index) => ({ ...each, frame: index + 1, source: each.sources[index] ?? each.sources[0] })))
const slicesOf = (of) => of?.instances.flatMap((each) =>
  Array.from({ length: each.frames }, (_, index) => ({ ...each, frame: index + 1, series: of.series }))) ?? []

const panes = Object.fromEntries([...viewer.querySelectorAll(".pane")].map((each) => [each.dataset.pane, each]))
const tags = document.getElementById("tags")
const slider = viewer.querySelector(".slider")
const range = slider.querySelector("input")
const state = { series: 0, slices: [], slice: 0, page: 0, mode: 0, zoom: 1, turn: 0, x: 0, y: 0, invert: false, window: null, way: 1 }
const pictures = new Pictures()
let header = { uid: "", lines: [] }

function sourceUrl(slice) {
  const path = `/dicom-web/studies/${study}/series/${slice.series}/instances/${slice.uid}/frames/${slice.frame}/rendered`
  return state.window ? `${path}?window=${state.window.map((each) => each.toFixed(2)).join(",")},linear` : path
}
const overlayUrl = (page) => `/studies/${study}/overlays/${page.uid}.png?frame=${page.frame}`

function show(pane, url, alt) {
  pictures.show(pane, url, (image) => {
    Object.assign(image, { alt, draggable: false })
    pane.querySelector(".frame").replaceChildren(image)
    if (image.classList.contains("none")) explain(image, url)
    place()
  })
}

// A picture that cannot be had must not look like a black one.
async function explain(image, url) {
  const answer = await fetch(url).catch(() => null)
  const problem = answer && !answer.ok ? await answer.json().catch(() => null) : null
  const why = problem?.detail ?? (answer ? `the node answers with ${answer.status}` : "the node does not answer")
  image.parentElement?.append(Object.assign(document.createElement("p"), { className: "cannot", textContent: `No picture: ${why}` }))
}

function place() {
  const move = `translate(${state.x}px, ${state.y}px) scale(${state.zoom})`
  for (const pane of Object.values(panes)) {
    const image = pane.querySelector("img")
    if (!image) continue
    image.style.transform = pane === panes.source ? `${move} rotate(${state.turn}deg)` : move
    image.style.filter = pane === panes.source && state.invert ? "invert(1)" : ""
  }
}

function caption(pane, left, right = "") {
  pane.querySelector(".left").textContent = left
  pane.querySelector(".right").textContent = right
}

const carries = (slice) => pages.findIndex((each) => each.source === slice?.uid)

function draw() {
  const mode = MODES[state.mode]
  viewer.dataset.mode = mode
  const slice = state.slices[state.slice]
  const page = pages[state.page]
  panes.source.hidden = mode === "overlay" || !slice
  panes.overlay.hidden = mode === "source" || !page
  const shown = state.window ? `W ${Math.round(state.window[1])} L ${Math.round(state.window[0])}` : ""
  if (slice && !panes.source.hidden) {
    show(panes.source, sourceUrl(slice), `Image ${state.slice + 1} of ${state.slices.length}`)
    caption(panes.source, `${state.slice + 1} of ${state.slices.length}`, shown)
    if (!drag) ahead()
  }
  if (page && !panes.overlay.hidden) {
    const of = state.slices.findIndex((each) => each.uid === page.source)
    show(panes.overlay, overlayUrl(page), `Overlay of ${page.text}`)
    const other = of >= 0 && of !== state.slice ? `of image ${of + 1}` : ""
    caption(panes.overlay, page.text, [other, pages.length > 1 ? `${state.page + 1} of ${pages.length}` : ""].filter(Boolean).join(", "))
  }
  place()
  slider.hidden = state.slices.length < 2
  range.max = state.slices.length
  range.value = state.slice + 1
  const marked = carries(slice) >= 0 && state.slices.length > 1
  slider.querySelector("output").textContent = `${state.slice + 1} / ${state.slices.length}${marked ? " ●" : ""}`
  viewer.querySelector("[data-do=invert]").setAttribute("aria-pressed", String(state.invert))
  viewer.querySelector("[data-do=overlay]").disabled = !pages.length
  document.getElementById("where").textContent = slice || page ? "" : "no image can be shown"
  if (tags.open) showTags()
}

// In the direction in which one scrolls, more of them.
function ahead() {
  const wanted = []
  for (let far = 1; far <= AHEAD; far += 1) {
    wanted.push(state.slices[state.slice + far * state.way])
    if (far <= BEHIND) wanted.push(state.slices[state.slice - far * state.way])
  }
  const urls = wanted.filter(Boolean).map(sourceUrl)
  const near = carries(state.slices[state.slice])
  if (pages.length) urls.push(...[near, near + 1].filter((each) => pages[each]).map((each) => overlayUrl(pages[each])))
  pictures.fetchAhead(urls)
}

const clamp = (value, least, most) => Math.min(Math.max(value, least), most)

function goTo(number) {
  const next = clamp(number, 0, state.slices.length - 1)
  if (next !== state.slice) state.way = next > state.slice ? 1 : -1
  state.slice = next
  const page = carries(state.slices[next])
  if (page >= 0) state.page = page
  draw()
}

function scroll(pane, by) {
  if (pane !== panes.overlay || pages.length < 2) return goTo(state.slice + by)
  state.page = clamp(state.page + by, 0, pages.length - 1)
  const of = state.slices.findIndex((each) => each.uid === pages[state.page].source)
  if (of >= 0) goTo(of)
  else draw()
}

function choose(number) {
  state.series = number
  state.slices = slicesOf(series[number])
  state.window = null
  const first = state.slices.findIndex((each) => carries(each) >= 0)
  state.slice = first >= 0 ? first : Math.max(0, Math.floor((state.slices.length - 1) / 2))
  document.getElementById("carriers").replaceChildren(...state.slices.flatMap((each, index) =>
    carries(each) >= 0 ? [Object.assign(document.createElement("option"), { value: index + 1 })] : []))
  goTo(state.slice)
}

// To the slice that a finding names, in whichever Series it is.
function jump(uid, frame) {
  const at = series.findIndex((each) => each.instances.some((one) => one.uid === uid))
  if (at < 0) return
  if (at !== state.series) {
    viewer.querySelector("[name=series]").value = String(at)
    choose(at)
  }
  goTo(state.slices.findIndex((each) => each.uid === uid && each.frame === frame))
}

function nextCarrier() {
  const after = [...state.slices.keys()].map((each) => (state.slice + 1 + each) % state.slices.length)
  const next = after.find((each) => carries(state.slices[each]) >= 0)
  if (next !== undefined) goTo(next)
}

const DO = {
  overlay: () => { if (pages.length) state.mode = (state.mode + 1) % MODES.length },
  invert: () => { state.invert = !state.invert },
  larger: () => { state.zoom = clamp(state.zoom * 1.25, 0.25, 16) },
  smaller: () => { state.zoom = clamp(state.zoom / 1.25, 0.25, 16) },
  rotate: () => { state.turn = (state.turn + 90) % 360 },
  reset: () => Object.assign(state, { zoom: 1, turn: 0, x: 0, y: 0, invert: false, window: null }),
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

// One finger or the left button: window and level. Shift, another button or two fingers: move.
const held = new Map() // pointer -> where it is
let drag = null
const spread = () => {
  const [one, two] = [...held.values()]
  return { x: (one.x + two.x) / 2, y: (one.y + two.y) / 2, far: Math.hypot(one.x - two.x, one.y - two.y) || 1 }
}
for (const pane of Object.values(panes)) {
  pane.addEventListener("contextmenu", (event) => event.preventDefault())
  pane.addEventListener("pointerdown", async (event) => {
    pane.setPointerCapture(event.pointerId)
    held.set(event.pointerId, { x: event.clientX, y: event.clientY })
    const from = { x: event.clientX, y: event.clientY }
    if (held.size === 2) drag = { pinch: spread(), zoom: state.zoom, x: state.x, y: state.y }
    else if (event.button || event.shiftKey || pane === panes.overlay) drag = { ...from, move: { x: state.x, y: state.y } }
    else {
      const mine = { ...from, window: null }
      drag = mine
      if (state.slices.length) mine.window = state.window ?? (await firstWindow(state.slices[state.slice]))
    }
  })
  pane.addEventListener("pointermove", (event) => {
    if (!drag || !held.has(event.pointerId)) return
    held.set(event.pointerId, { x: event.clientX, y: event.clientY })
    if (drag.pinch && held.size === 2) {
      const now = spread()
      state.zoom = clamp(drag.zoom * now.far / drag.pinch.far, 0.25, 16)
      Object.assign(state, { x: drag.x + now.x - drag.pinch.x, y: drag.y + now.y - drag.pinch.y })
      place()
    } else if (drag.move) {
      Object.assign(state, { x: drag.move.x + event.clientX - drag.x, y: drag.move.y + event.clientY - drag.y })
      place()
    } else if (drag.window) {
      const step = drag.window[1] / 250 // of the window for one pixel
      const width = Math.max(1, drag.window[1] + (event.clientX - drag.x) * step)
      state.window = [drag.window[0] + (event.clientY - drag.y) * step, width]
      draw()
    }
  })
  for (const end of ["pointerup", "pointercancel"]) {
    pane.addEventListener(end, (event) => { held.delete(event.pointerId); drag = null; draw() })
  }
  pane.addEventListener("wheel", (event) => {
    event.preventDefault()
    if (!event.ctrlKey) return scroll(pane, Math.sign(event.deltaY))
    DO[event.deltaY < 0 ? "larger" : "smaller"]()
    place()
  }, { passive: false })
}
range.addEventListener("input", () => goTo(Number(range.value) - 1))
viewer.querySelector("[name=series]").addEventListener("change", (event) => choose(Number(event.target.value)))
viewer.querySelector(".tools").addEventListener("click", (event) => {
  const act = DO[event.target.dataset.do]
  if (act) { act(); draw() }
})
for (const each of document.querySelectorAll(".keyed [data-uid]")) {
  const frame = Number(each.dataset.frame)
  const of = series.map(slicesOf).find((slices) => slices.some((one) => one.uid === each.dataset.uid)) ?? []
  const at = of.findIndex((one) => one.uid === each.dataset.uid && one.frame === frame)
  const slice = each.querySelector(".slice")
  if (at >= 0 && slice) slice.textContent = `slice ${at + 1},`
  each.addEventListener("click", () => jump(each.dataset.uid, frame))
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return
  if (event.target.matches("input, select, textarea")) return
  const by = { ArrowDown: 1, ArrowRight: 1, PageDown: 10, ArrowUp: -1, ArrowLeft: -1, PageUp: -10, Home: -1e6, End: 1e6 }[event.key]
  const pane = event.target.closest?.(".pane") ?? (MODES[state.mode] === "overlay" ? panes.overlay : panes.source)
  if (by && (event.target.closest?.("#viewer") || event.target === document.body)) scroll(pane, by)
  else if (KEYS[event.key]) { DO[KEYS[event.key]](); draw() }
  else if (event.key === "f") nextCarrier()
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

if (!pages.length) state.mode = 1
const carrying = series.findIndex((each) => slicesOf(each).some((slice) => carries(slice) >= 0))
if (carrying > 0) viewer.querySelector("[name=series]").value = String(carrying)
choose(Math.max(0, carrying))
