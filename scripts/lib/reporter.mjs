// The reporter of `npm test`: a line per test file, the details of what failed, the comments that tests print
// (seeds, counts), the slowest files, and a plain closing line: `N passed, N failed, N skipped`.

import { Transform } from 'node:stream'
import { Parser } from 'tap-parser'

const slowestShown = 5

export default class Reporter extends Transform {
  #parser = new Parser()
  #started = process.hrtime.bigint()
  #total = { passed: 0, failed: 0, skipped: 0 }
  #current = { passed: 0, failed: 0, skipped: 0 }
  #files = []

  constructor() {
    super({ encoding: 'utf8' })
    const parser = this.#parser
    parser.on('pass', () => this.#count('passed'))
    parser.on('skip', (result) => this.#skip(result, result.skip))
    parser.on('todo', (result) => this.#skip(result, result.todo))
    parser.on('fail', (result) => this.#fail(result))
    parser.on('assert', (result) => this.#file(result))
    parser.on('extra', (text) => this.#line(text.trimEnd()))
    parser.on('bailout', (reason) => this.#fail({ fullname: `bail out: ${reason}` }))
    parser.on('child', (child) => this.#follow(child))
  }

  _transform(chunk, _encoding, done) {
    this.#parser.write(chunk)
    done()
  }

  _flush(done) {
    this.#parser.on('complete', () => {
      this.#close()
      done()
    })
    this.#parser.end()
  }

  #line(text) {
    this.push(`${text}\n`)
  }

  #count(kind) {
    this.#total[kind] += 1
    this.#current[kind] += 1
  }

  #skip(result, reason) {
    this.#count('skipped')
    this.#line(`skipped  ${result.fullname}${typeof reason === 'string' ? `: ${reason}` : ''}`)
  }

  #fail(result) {
    this.#count('failed')
    this.#line(`FAILED  ${result.fullname}`)
    this.#diagnose(result.diag)
  }

  #diagnose(diag) {
    if (!diag) return
    for (const key of [
      'message',
      'code',
      'exitCode',
      'signal',
      'timeout',
      'diff',
      'found',
      'wanted',
      'stack',
      'errorOrigin',
    ]) {
      const value = diag[key]
      if (value === undefined || value === null || value === '') continue
      if (diag.diff !== undefined && (key === 'found' || key === 'wanted')) continue
      const text = typeof value === 'string' ? value.trimEnd() : JSON.stringify(value)
      this.#line(`    ${key}: ${text.split('\n').join('\n      ')}`)
    }
  }

  #follow(parser) {
    parser.on('comment', (text) => {
      const comment = text.trim().replace(/^# ?/, '')
      if (!/^(Subtest:|time=|\{ total:|No coverage)/.test(comment)) this.#line(`  # ${comment}`)
    })
    parser.on('child', (child) => this.#follow(child))
  }

  /** The root's own results are the test files. */
  #file(result) {
    const { passed, failed, skipped } = this.#current
    // A file can fail as a whole (exit code, signal, timeout) with every assertion in it passed.
    if (!result.ok && failed === 0) this.#fail(result)
    if (result.ok && passed + failed + skipped === 0) this.#skip(result, result.skip || 'no assertion ran')
    const ms = Math.round(result.time ?? 0)
    this.#files.push({ name: result.name, ms })
    this.#line(`${result.ok ? 'ok' : 'NOT OK'}  ${result.name}  ${passed} passed  ${ms} ms`)
    this.#current = { passed: 0, failed: 0, skipped: 0 }
  }

  #close() {
    const slowest = this.#files.toSorted((a, b) => b.ms - a.ms).slice(0, slowestShown)
    this.#line('')
    this.#line('slowest files:')
    for (const { name, ms } of slowest) this.#line(`  ${(ms / 1000).toFixed(1).padStart(7)} s  ${name}`)
    const seconds = Number(process.hrtime.bigint() - this.#started) / 1e9
    this.#line(`${this.#files.length} files in ${seconds.toFixed(1)} s`)
    const { passed, failed, skipped } = this.#total
    this.#line(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  }
}
