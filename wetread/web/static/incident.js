// What becomes of an incident: posted to the API, and shown as the page then has it.

const WHO = "wetread-who"
const form = document.getElementById("resolve")

async function send() {
  const { decision, why, who, remove } = form.elements
  const status = form.querySelector(".said")
  const said = { decision: decision.value, why: why.value.trim(), remove: remove.checked }
  if (who) {
    said.who = who.value.trim()
    sessionStorage.setItem(WHO, said.who)
  }
  status.className = "said muted"
  status.textContent = "recording"
  const answer = await fetch(`/api/v1/incidents/${form.dataset.incident}/resolve`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(said),
  }).catch(() => null)
  if (answer?.ok) {
    location.reload()
    return
  }
  const problem = await answer?.json().catch(() => null)
  status.className = "said problem"
  status.textContent = problem?.detail ?? "not recorded: the node does not answer"
}

if (form) {
  if (form.elements.who) form.elements.who.value = sessionStorage.getItem(WHO) ?? ""
  form.addEventListener("submit", (event) => {
    event.preventDefault()
    send()
  })
}
