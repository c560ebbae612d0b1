// A study's page that is left open: it says when there is more to see than it shows.

import { fetchPage, follow } from "./news.js"

const held = document.getElementById("news")
const study = held.dataset.study

async function look() {
  const page = await fetchPage(location.pathname, {}, "#news")
  if (!page) return false
  const fresh = page.getElementById("news")
  held.dataset.event = fresh.dataset.event
  // What one reads, types or has windowed is not taken away: who reads decides when.
  held.querySelector("p").hidden = fresh.dataset.shows === held.dataset.shows
  document.querySelector(".lead").textContent = page.querySelector(".lead").textContent
  for (const old of document.querySelectorAll(".review .reviews")) {
    const job = old.closest(".review").dataset.job
    const reviews = page.querySelector(`.review[data-job="${CSS.escape(job)}"] .reviews`)
    if (reviews && reviews.textContent !== old.textContent) old.replaceWith(document.adoptNode(reviews))
  }
  return true
}

const isOurs = (event) => !event.study_instance_uid || event.study_instance_uid === study
follow(() => Number(held.dataset.event), look, isOurs)
