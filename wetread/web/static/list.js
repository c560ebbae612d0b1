// The reading list: keys, search without an address, and a list that stays current.

import { fetchPage, follow } from "./news.js"

const TICK = 10_000 // ms between two looks at how long everything waits
const form = document.getElementById("filters")
const list = document.getElementById("list")
let asked = fields(new URLSearchParams(location.search).get("page") ?? "1") // what is shown
let shownAt = Date.now()
let place = -1 // of the row in front of one that had the focus and is gone
let turn = 0

function fields(page) {
  const typed = new URLSearchParams(new FormData(form))
  typed.set("page", page)
  return typed
}

function hidePicture(event) {
  if (event.target.matches?.(".picture img")) event.target.classList.add("none")
}

// What has not changed is not touched: focus, selection and place on the page stay, and no
// picture is fetched again.
function merge(fresh) {
  const [rows, wanted] = [list, fresh].map((each) => each.querySelector("tbody"))
  list.dataset.event = fresh.dataset.event
  if (!rows || !wanted) {
    list.replaceChildren(...fresh.childNodes)
    return
  }
  mergeRows(rows, [...wanted.rows])
  mergePages(list.querySelector(".pages"), fresh.querySelector(".pages"))
}

function mergeRows(rows, wanted) {
  const held = new Map([...rows.rows].map((row) => [row.dataset.uid, row]))
  const kept = wanted.map((row) => {
    const old = held.get(row.dataset.uid)
    held.delete(row.dataset.uid)
    return old ? mergeRow(old, row) : row
  })
  for (const gone of held.values()) gone.remove()
  let at = rows.firstElementChild
  for (const row of kept) {
    if (row === at) at = at.nextElementSibling
    else rows.insertBefore(row, at)
  }
}

function mergeRow(old, row) {
  const cells = [...row.cells]
  const changed = cells.map((cell, index) => index > 0 && cell.outerHTML !== old.cells[index].outerHTML)
  // A picture that could not be had is tried again when there is more of its study.
  const waits = cells.length - 1
  changed[0] = changed.slice(0, waits).includes(true) && Boolean(old.querySelector(".picture .none"))
  cells.forEach((cell, index) => { if (changed[index]) old.cells[index].replaceWith(cell) })
  old.className = row.className
  return old
}

function mergePages(old, fresh) {
  const buttons = (nav) => [...nav.querySelectorAll("button")].map((each) => each.value).join()
  if (buttons(old) === buttons(fresh)) old.querySelector("span").textContent = fresh.querySelector("span").textContent
  else old.replaceWith(fresh)
}

async function load({ focus = false } = {}) {
  const mine = ++turn
  const read = await fetchPage("/", { method: "POST", body: asked }, "#list")
  if (mine !== turn) return true
  if (!read) return false
  const fresh = read.getElementById("list")
  const active = document.activeElement?.closest?.("#list tr[data-uid]")
  const before = active ? active.rowIndex - 2 : -1
  merge(fresh)
  shownAt = Date.now()
  document.querySelector(".lead").textContent = read.querySelector(".lead").textContent
  if (active && !active.isConnected) place = before
  else if (active && !list.contains(document.activeElement)) active.querySelector(".open").focus({ preventScroll: true })
  if (focus) list.querySelector(".open")?.focus()
  return true
}

// Remembered with the entry of the history, so that Back from a study finds the same list.
function show(page, options) {
  asked = fields(page)
  place = -1
  history.replaceState(Object.fromEntries(asked), "", "/")
  load(options)
}

// As the node writes it.
function since(seconds) {
  for (const [unit, length] of [["d", 86400], ["h", 3600]]) {
    if (seconds >= 2 * length) return `${Math.floor(seconds / length)} ${unit}`
  }
  return seconds >= 60 ? `${Math.floor(seconds / 60)} min` : `${seconds} s`
}

function tick() {
  if (document.hidden) return
  const passed = Math.floor((Date.now() - shownAt) / 1000)
  for (const each of list.querySelectorAll(".waits")) {
    each.textContent = since(Number(each.dataset.seconds) + passed)
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  const paged = event.submitter?.name === "page"
  show(paged ? event.submitter.value : "1", { focus: paged })
})
form.addEventListener("change", (event) => {
  if (event.target.type !== "search") show("1")
})
document.addEventListener("error", hidePicture, true)
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur()
    return
  }
  const links = [...list.querySelectorAll(".open")]
  const held = links.indexOf(document.activeElement)
  const at = held < 0 ? place : held
  if (held >= 0) place = -1
  if (event.key === "/") form.elements.text.focus()
  else if (event.key === "j" || event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus()
  else if (event.key === "k" || event.key === "ArrowUp") links[Math.max(held < 0 ? at : at - 1, 0)]?.focus()
  else return
  event.preventDefault()
})
setInterval(tick, TICK)
document.addEventListener("visibilitychange", tick)

if (history.state && !location.search) {
  for (const [name, value] of Object.entries(history.state)) {
    if (form.elements[name] && name !== "page") form.elements[name].value = value
  }
  asked = fields(history.state.page ?? "1")
  load()
}
follow(() => Number(list.dataset.event), () => load())
// What changes is shown at once, so nothing is to be pressed; narrow screens fold the filters up.
document.getElementById("show").hidden = true
const more = document.getElementById("more")
const unfold = (open) => {
  more.setAttribute("aria-expanded", String(open))
  document.getElementById("narrow").classList.toggle("folded", !open)
}
more.hidden = false
more.addEventListener("click", () => unfold(more.getAttribute("aria-expanded") !== "true"))
unfold(matchMedia("(min-width: 60.01rem)").matches || [...asked].some(([name, value]) => value && !["page", "order", "text"].includes(name)))
// Pictures that failed before this ran
for (const each of document.querySelectorAll(".picture img")) {
  if (each.complete && !each.naturalWidth && each.getAttribute("loading") !== "lazy") each.classList.add("none")
}
