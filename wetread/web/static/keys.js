// Keys that hold on every page: the help, and where to go.

const PLACES = { l: "/", u: "/upload", o: "/operations" }
const dialog = document.getElementById("keys")
const help = document.getElementById("help")
let going = false

help.hidden = false
help.addEventListener("click", () => dialog.showModal())
document.addEventListener("keydown", (event) => {
  const left = going
  going = false
  if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return
  if (event.target.matches("input, select, textarea")) return
  if (event.key === "?") dialog.showModal()
  else if (left && PLACES[event.key]) location.assign(PLACES[event.key])
  else if (event.key === "g") going = true
  else return
  event.preventDefault()
  event.stopImmediatePropagation()
})
