/** What was found out about the volume in a drive since it was loaded. Objects count from 0. */
export class TapeMap {
  /** Objects recorded, once that is known. */
  #end: number | undefined
  /** Filemarks recorded, where that is known. */
  #endFile: number | undefined
  /** The first place at which the drive warned of the end of the medium. */
  #warnedAt: number | undefined
  /** By file number: its first object. File 0 begins at 0. */
  readonly #starts: Map<number, number> = new Map([[0, 0]])

  get end(): number | undefined {
    return this.#end
  }

  /** Nothing is recorded from here on; `file`: filemarks before here, where they are known. */
  endsAt(object: number, file?: number): void {
    if (this.#end !== object) this.#endFile = undefined
    this.#end = object
    this.#endFile = file ?? this.#endFile
  }

  /** The drive warned while it stood here. */
  warned(object: number): void {
    this.#warnedAt = Math.min(this.#warnedAt ?? object, object)
  }

  /** Whether the end of the medium was found to be near here. */
  isNearEnd(object: number): boolean {
    return this.#warnedAt !== undefined && object >= this.#warnedAt
  }

  startsAt(file: number, object: number): void {
    this.#starts.set(file, object)
  }

  startOf(file: number): number | undefined {
    return this.#starts.get(file)
  }

  /** The file of an object, where the beginnings around it are known. */
  fileOf(object: number): number | undefined {
    if (object === 0) return 0
    if (object === this.#end && this.#endFile !== undefined) return this.#endFile
    for (const [file, start] of this.#starts) {
      const next = this.#starts.get(file + 1)
      if (start <= object && next !== undefined && object < next) return file
    }
    return undefined
  }

  /** Something was written up to `end`, from `object` on: what lay behind is gone. */
  wrote(object: number, end: number, file?: number): void {
    this.#end = end
    this.#endFile = file
    for (const [file, start] of this.#starts) if (start > object) this.#starts.delete(file)
    // A place where it was warned of holds for what was written before it.
    if (this.#warnedAt !== undefined && this.#warnedAt > object) this.#warnedAt = undefined
  }
}
