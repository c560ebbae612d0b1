// Agree, disagree, not assessable: posted to the API, and shown as the page then has it.

const KEYS = { a: "agree", d: "disagree", n: "not assessable" }
const REVIEWER = "wetread-reviewer"

function choose(form, verdict) {
  for (const each of form.querySelectorAll("[name=verdict]")) each.setAttribute("aria-pressed", String(each.value === verdict))
  form.dataset.verdict = verdict
  const fields = form.querySelector("fieldset")
  fields.hidden = false
  for (const each of fields.querySelectorAll("[data-for]")) each.hidden = each.dataset.for !== verdict
  suggest(form)
  const unknown = form.elements.reviewer && !form.elements.reviewer.value
  const next = verdict === "disagree" ? "presence" : unknown ? "reviewer" : ""
  ;(form.elements[next] ?? form.querySelector(".main")).focus()
}

// Who disagrees with "present" most often means "absent", and the other way round.
function suggest(form) {
  const chosen = form.elements.finding?.selectedOptions[0]?.dataset.presence
  const other = { present: "absent", absent: "present" }[chosen] ?? ""
  if (form.elements.presence) form.elements.presence.value = form.dataset.verdict === "disagree" ? other : ""
}

function body(form) {
  const value = (name) => form.elements[name]?.value.trim() ?? ""
  const verdict = form.dataset.verdict
  const said = { verdict, comment: value("comment") }
  if (value("finding")) said.finding = Number(value("finding"))
  if (value("reason")) said.reason = value("reason")
  if (verdict === "disagree") {
    if (value("presence")) said.presence = value("presence")
    if (value("value")) said.right_finding = { value: value("value"), scheme: value("scheme"), meaning: value("meaning") }
  }
  if (form.elements.reviewer) said.reviewer = { id: value("reviewer"), name: value("reviewer_name") }
  return said
}

// A second click while the first is on its way says nothing else.
async function send(form) {
  if (form.dataset.sending) return
  form.dataset.sending = "yes"
  await post(form)
  delete form.dataset.sending
}

async function post(form) {
  const status = form.querySelector(".said")
  const said = body(form)
  if (said.reviewer) sessionStorage.setItem(REVIEWER, JSON.stringify(said.reviewer))
  status.className = "said muted"
  status.textContent = "recording"
  const answer = await fetch(`/api/v1/results/${form.dataset.job}/reviews`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(said),
  }).catch(() => null)
  if (!answer?.ok) {
    const problem = await answer?.json().catch(() => null)
    status.className = "said problem"
    status.textContent = problem?.detail ?? "not recorded: the node does not answer"
    return
  }
  status.className = "said done"
  status.textContent = answer.status === 201 ? "recorded" : "you said the same before"
  form.querySelector("fieldset").hidden = true
  if (!(await refresh(form))) status.textContent += ", of a result that is not the last: load the page again"
  form.querySelector("[name=verdict]").focus()
}

async function refresh(form) {
  const answer = await fetch(location.href).catch(() => null)
  if (!answer?.ok) return true
  const page = new DOMParser().parseFromString(await answer.text(), "text/html")
  const fresh = page.querySelector(`.review[data-job="${CSS.escape(form.dataset.job)}"] .reviews`)
  if (fresh) form.querySelector(".reviews").replaceWith(document.adoptNode(fresh))
  return Boolean(fresh)
}

const forms = [...document.querySelectorAll(".review")]
const known = JSON.parse(sessionStorage.getItem(REVIEWER) ?? "null")
for (const form of forms) {
  if (known && form.elements.reviewer) {
    form.elements.reviewer.value = known.id
    form.elements.reviewer_name.value = known.name
  }
  form.addEventListener("click", (event) => {
    if (event.target.name === "verdict") choose(form, event.target.value)
  })
  form.addEventListener("change", (event) => {
    if (event.target.name === "finding") suggest(form)
  })
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    send(form)
  })
}
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !KEYS[event.key]) return
  if (event.target.matches("input, select, textarea")) return
  const form = event.target.closest?.(".review") ?? forms[0]
  if (!form) return
  event.preventDefault()
  choose(form, KEYS[event.key])
})
