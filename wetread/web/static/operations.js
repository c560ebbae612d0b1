// Operations: kept current, and a button for what failed.

import { fetchPage } from "./news.js"

const PAUSE = 5_000 // ms between two looks
const said = document.getElementById("said")

async function load() {
  const page = await fetchPage("/operations", {}, "#operations")
  if (!page) return
  const fresh = page.getElementById("operations")
  const old = document.getElementById("operations")
  if (fresh.textContent === old.textContent) return
  const open = [...old.querySelectorAll("details")].map((each) => each.open)
  const focus = document.activeElement?.dataset?.replay
  const link = old.contains(document.activeElement) && document.activeElement.getAttribute("href")
  old.replaceWith(document.adoptNode(fresh))
  fresh.querySelectorAll("details").forEach((each, index) => { each.open = open[index] ?? false })
  if (focus) fresh.querySelector(`[data-replay="${CSS.escape(focus)}"]`)?.focus()
  if (link) fresh.querySelector(`a[href="${CSS.escape(link)}"]`)?.focus()
}

document.addEventListener("click", async (event) => {
  const url = event.target.dataset?.replay
  if (!url) return
  event.target.disabled = true
  const answer = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: "{}",
  }).catch(() => null)
  const problem = answer?.ok ? null : await answer?.json().catch(() => null)
  said.textContent = answer?.ok ? "" : problem?.detail ?? "not replayed: the node does not answer"
  event.target.disabled = false
  load()
})
setInterval(() => document.hidden || load(), PAUSE)
