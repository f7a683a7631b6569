import { StringDecoder } from 'node:string_decoder'

/** Bounds of what is kept of a script's output. */
export interface OutputLinesOptions {
  /** Lines passed on; later ones are counted. */
  readonly mostLines: number
  /** Characters of a line; what is beyond is cut off. */
  readonly mostCharacters: number
}

/** Cuts the output of a script into lines, a bounded number of bounded length, whatever comes. */
export class OutputLines {
  readonly #options: OutputLinesOptions
  readonly #onLine: (line: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #open = ''
  #passed = 0
  #left = 0

  constructor(options: OutputLinesOptions, onLine: (line: string) => void) {
    this.#options = options
    this.#onLine = onLine
  }

  push(bytes: Buffer): void {
    const pieces = this.#decoder.write(bytes).split('\n')
    const last = pieces.pop() ?? ''
    for (const piece of pieces) {
      this.#extend(piece)
      this.#close()
    }
    this.#extend(last)
  }

  /** Passes on an unfinished last line. Tells how many lines were left out. */
  finish(): number {
    this.#extend(this.#decoder.end())
    if (this.#open !== '') this.#close()
    return this.#left
  }

  #extend(text: string): void {
    // One more than is kept shows that something is cut off.
    if (this.#open.length <= this.#options.mostCharacters)
      this.#open += text.slice(0, this.#options.mostCharacters + 1)
  }

  #close(): void {
    const { mostLines, mostCharacters } = this.#options
    const line = this.#open.endsWith('\r') ? this.#open.slice(0, -1) : this.#open
    this.#open = ''
    if (this.#passed >= mostLines) {
      this.#left++
      return
    }
    this.#passed++
    this.#onLine(line.length > mostCharacters ? `${line.slice(0, mostCharacters)}…` : line)
  }
}
