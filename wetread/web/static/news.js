// What is new, by server-sent events; by looking again and again only where that fails.
//
// A browser has six connections to a node, for all of its tabs together. So a tab that nobody
// sees holds none: it closes its stream, and goes on from the last event when it is seen again.
// (To share one stream among tabs takes Web Locks, which exist on HTTPS only.)

const PLACE = "/api/v1/events"
const KINDS = [
  "study.received", "study.stable", "job.started", "job.finished", "job.failed",
  "delivery.sent", "delivery.failed", "review.made", "images.removed", "gap",
]
const SOON = 300 // ms from an event to the look, for what comes with it
const REST = 3_000 // ms between two looks, however much comes in
const POLL = 10_000 // ms between two looks without a stream
const SILENCE = 60_000 // ms after which a stream may be dead and not know it

const place = document.getElementById("stale")
let current = new Date()

// Say why what is shown may be old; "" says that it is not.
export function stale(why) {
  if (!why) current = new Date()
  const text = why && `Not current: ${why}. What is shown is of ${current.toLocaleTimeString()}.`
  if (place.textContent !== text) place.textContent = text
}

// Return a page of the node as it is now, if it has `wanted`; say so and return null if it cannot be had.
export async function fetchPage(url, options, wanted) {
  const answer = await fetch(url, options).catch(() => null)
  const text = answer?.ok ? await answer.text().catch(() => null) : null
  const page = text === null ? null : new DOMParser().parseFromString(text, "text/html")
  if (page?.querySelector(wanted)) {
    stale("")
    return page
  }
  // What is no page of the node is a proxy's: to log in again, for one.
  stale(page ? "who answers is not the node; load the page again" : answer && answer.status < 500 ? `the node answers with ${answer.status}` : "the node does not answer")
  return null
}

// `look` fetches anew what is shown, and returns false where it could not; `shown` returns the number
// of the last event that is in it. Events of which `concerns` says no are passed over.
export function follow(shown, look, concerns = () => true) {
  let source = null
  let last = shown() // told of
  let due = last // the last that is to be shown
  let heardAt = 0
  let lookedAt = 0
  let timer = 0
  let looking = false
  let missed = false

  async function see() {
    timer = 0
    looking = true
    lookedAt = Date.now()
    try {
      missed = (await look()) === false
    } finally {
      looking = false
    }
    if (due > shown()) plan()
  }

  function plan() {
    if (timer || looking || document.hidden) return
    timer = setTimeout(see, Math.max(SOON, lookedAt + REST - Date.now()))
  }

  function hear(event) {
    heardAt = Date.now()
    last = Number(event.lastEventId)
    const said = JSON.parse(event.data)
    if (said.shadow || !concerns(said)) return
    due = last
    if (due > shown()) plan()
  }

  function open() {
    source?.close()
    source = new EventSource(`${PLACE}?after=${Math.max(last, shown())}`)
    heardAt = Date.now()
    for (const kind of KINDS) source.addEventListener(kind, hear)
  }

  function attend() {
    source?.close()
    source = null
    clearTimeout(timer)
    timer = 0
    if (document.hidden) return
    open()
    if (due > shown()) plan()
  }

  setInterval(() => {
    if (!source) return
    if (source.readyState === EventSource.OPEN) {
      if (Date.now() - heardAt > SILENCE) open()
      if (!missed) return
    }
    if (source.readyState === EventSource.CLOSED) open() // it was refused, and tries no more
    if (!timer && !looking) see()
  }, POLL)
  document.addEventListener("visibilitychange", attend)
  attend()
}
