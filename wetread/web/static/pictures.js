// Pictures by address: what is looked at comes first, then what may be next.

const LANES = 4 // requests at once
const KEPT = 160 // pictures in memory

export class Pictures {
  #held = new Map() // url -> image; the latest used last
  #asked = new Map() // place -> { url, done }
  #loading = new Map() // place -> url: one at a time, so that what was skipped is never asked for
  #under = new Set() // urls on their way
  #queue = [] // urls to fetch ahead

  // Call `done` with the image, now or when it has come, unless `place` is to show another by then.
  show(place, url, done) {
    const image = this.#held.get(url)
    if (image) {
      this.#asked.delete(place)
      this.#keep(url, image)
      return done(image)
    }
    this.#asked.set(place, { url, done })
    this.#next()
  }

  fetchAhead(urls) {
    this.#queue = urls.filter((url) => !this.#held.has(url))
    this.#next()
  }

  #next() {
    for (const [place, { url }] of this.#asked) {
      if (this.#loading.has(place)) continue
      this.#loading.set(place, url)
      if (!this.#under.has(url)) this.#fetch(url)
    }
    while (this.#under.size < LANES && this.#queue.length) {
      const url = this.#queue.shift()
      if (!this.#under.has(url)) this.#fetch(url)
    }
  }

  #fetch(url) {
    const image = new Image()
    const end = (good) => {
      this.#under.delete(url)
      image.classList.toggle("none", !good)
      if (good) this.#keep(url, image)
      for (const [place, loading] of this.#loading) if (loading === url) this.#loading.delete(place)
      for (const [place, asked] of this.#asked) {
        if (asked.url !== url) continue
        this.#asked.delete(place)
        asked.done(image)
      }
      this.#next()
    }
    this.#under.add(url)
    image.onload = () => end(true)
    image.onerror = () => end(false)
    image.src = url
  }

  #keep(url, image) {
    this.#held.delete(url)
    this.#held.set(url, image)
    while (this.#held.size > KEPT) this.#held.delete(this.#held.keys().next().value)
  }
}
