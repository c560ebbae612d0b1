// The reading list: keys, search without an address, and a list that stays current.

const PAUSE = 10_000 // ms between two looks
const form = document.getElementById("filters")
let page = "1"
let turn = 0

const asked = () => {
  const fields = new URLSearchParams(new FormData(form))
  fields.set("page", page)
  return fields
}

// Remembered with the entry of the history, so that Back from a study finds the same list.
const remember = () => history.replaceState(Object.fromEntries(asked()), "", "/")

function hidePicture(event) {
  if (event.target.matches?.(".picture img")) event.target.classList.add("none")
}

// What has not changed stays: its picture is not fetched again, and the focus stays on it.
function keepRows(fresh) {
  for (const row of fresh.querySelectorAll("tr[data-uid]")) {
    const old = document.querySelector(`#list tr[data-uid="${CSS.escape(row.dataset.uid)}"]`)
    if (!old) continue
    const waits = row.querySelector(".waits").textContent
    old.querySelector(".waits").textContent = waits
    const same = (one) => one.textContent + (one.querySelector("img")?.getAttribute("src") ?? "")
    if (same(old) === same(row)) row.replaceWith(old)
  }
}

async function load({ focus = false } = {}) {
  const mine = ++turn
  const active = document.activeElement?.closest?.("tr[data-uid]")?.dataset.uid
  const answer = await fetch("/", { method: "POST", body: asked() }).catch(() => null)
  if (!answer?.ok || mine !== turn) return
  const read = new DOMParser().parseFromString(await answer.text(), "text/html")
  if (mine !== turn) return
  const fresh = document.adoptNode(read.getElementById("list"))
  keepRows(fresh)
  document.getElementById("list").replaceWith(fresh)
  document.querySelector(".lead").textContent = read.querySelector(".lead").textContent
  if (active) fresh.querySelector(`tr[data-uid="${CSS.escape(active)}"] .open`)?.focus({ preventScroll: true })
  if (focus) fresh.querySelector(".open")?.focus()
}

function show(options) {
  remember()
  load(options)
}

form.addEventListener("submit", (event) => {
  event.preventDefault()
  page = event.submitter?.name === "page" ? event.submitter.value : "1"
  show({ focus: event.submitter?.name === "page" })
})
form.addEventListener("change", (event) => {
  if (event.target.type === "search") return
  page = "1"
  show()
})
document.addEventListener("error", hidePicture, true)
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target.matches("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur()
    return
  }
  const links = [...document.querySelectorAll("#list .open")]
  const at = links.indexOf(document.activeElement)
  if (event.key === "/") form.elements.text.focus()
  else if (event.key === "j" || event.key === "ArrowDown") links[Math.min(at + 1, links.length - 1)]?.focus()
  else if (event.key === "k" || event.key === "ArrowUp") links[Math.max(at - 1, 0)]?.focus()
  else return
  event.preventDefault()
})
setInterval(() => document.hidden || load(), PAUSE)
document.addEventListener("visibilitychange", () => document.hidden || load())

if (history.state && !location.search) {
  for (const [name, value] of Object.entries(history.state)) {
    if (form.elements[name] && name !== "page") form.elements[name].value = value
  }
  page = history.state.page ?? "1"
  load()
}
// What changes is shown at once, so nothing is to be pressed; narrow screens fold the filters up.
document.getElementById("show").hidden = true
const more = document.getElementById("more")
const unfold = (open) => {
  more.setAttribute("aria-expanded", String(open))
  document.getElementById("narrow").classList.toggle("folded", !open)
}
more.hidden = false
more.addEventListener("click", () => unfold(more.getAttribute("aria-expanded") !== "true"))
unfold(matchMedia("(min-width: 60.01rem)").matches || [...asked()].some(([name, value]) => value && !["page", "order", "text"].includes(name)))
// Pictures that failed before this ran
for (const each of document.querySelectorAll(".picture img")) {
  if (each.complete && !each.naturalWidth && each.getAttribute("loading") !== "lazy") each.classList.add("none")
}
