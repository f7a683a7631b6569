import { cpSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeStatus, systemClock, toPath } from '@nb/contracts'
import { connect, enrolAt, openHost, type OpenedHost } from '@nb/remote'
import type { Measurement } from '../alternate.ts'
import { freePorts } from '../free-ports.ts'
import { cpuMsOf, peakBytesOf } from '../peers/process-usage.ts'
import { maxFragmentBytes } from '../with-server.ts'
import { HostProgram } from './host-program.ts'

const host = '127.0.0.1'
const policy = 'bench'
/** How long a site is up before work comes, as one process is in `all-in-one-run.ts`. */
const upMs = 1000

/**
 * A master server, a media server and a client, each a process with a port and a certificate of its own, all on this host. What
 * an administrator asks of them goes over the master's port, too.
 */
export class RemoteSite {
  readonly #folder: string
  readonly #ports: readonly number[]
  #programs: HostProgram[] = []
  #administrator: OpenedHost | undefined

  private constructor(folder: string, ports: readonly number[]) {
    this.#folder = folder
    this.#ports = ports
  }

  /**
   * Makes and starts one.
   *
   * @param folder - a folder that is not there yet; all of the site lies in it
   * @param source - what its policy backs up
   */
  static async start(folder: string, source: string): Promise<RemoteSite> {
    const site = new RemoteSite(folder, await freePorts(3))
    try {
      await site.#makeHosts()
      await site.#configure(source)
      await site.#stopPrograms()
      cpSync(site.#state, site.#first, { recursive: true })
      await site.#startPrograms()
    } catch (error) {
      await site.stop()
      throw error
    }
    return site
  }

  /** Where the master listens. */
  get master(): string {
    return `${host}:${this.#ports[0]}`
  }

  /** The master's own socket, which needs no certificate. */
  get masterSocket(): string {
    return join(this.#state, 'master1', 'nb.sock')
  }

  /** Of master, media server and client. */
  get pids(): readonly number[] {
    return this.#programs.map(({ pid }) => pid)
  }

  /** The master's ports, over its port. */
  get ports(): OpenedHost['master'] {
    if (this.#administrator === undefined) throw new Error('the site does not run')
    return this.#administrator.master
  }

  /** One full backup: from its submission to the true end of the job, the image durable and browsable. Figures are of the three processes. */
  async backUp(): Promise<Measurement> {
    const { scheduler, jobs, catalog } = this.ports
    const { pids } = this
    const before = cpuMsOf(pids)
    const begun = process.hrtime.bigint()
    const { jobIds } = await scheduler.runNow({ policy, schedule: 'full' })
    const job = await jobs.wait({ jobId: jobIds[0] ?? '' })
    const wallMs = Number(process.hrtime.bigint() - begun) / 1e6
    const cpuMs = cpuMsOf(pids) - before
    if (job.status !== 0)
      throw new Error(
        `job ${job.id} ended with ${describeStatus(job.status ?? 130)}: ${job.statusText ?? ''}`,
      )
    const image = await catalog.getImage({ backupId: job.backupId ?? '' })
    if (image?.state !== 'complete')
      throw new Error(`image ${job.backupId} is ${image?.state ?? 'not there'}`)
    return { wallMs, cpuMs, peakBytes: peakBytesOf(pids) }
  }

  /** Begins anew, as if nothing had been backed up: with fresh processes. */
  async reset(): Promise<void> {
    await this.#stopPrograms()
    rmSync(this.#state, { recursive: true })
    cpSync(this.#first, this.#state, { recursive: true })
    await this.#startPrograms()
  }

  /** Ends the processes and starts them again on what they have. */
  async restart(): Promise<void> {
    await this.#stopPrograms()
    await this.#startPrograms()
  }

  /** Stops all and removes what is left. */
  async stop(): Promise<void> {
    await this.#stopPrograms()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #state(): string {
    return join(this.#folder, 'state')
  }

  /** The state before the first backup. */
  get #first(): string {
    return join(this.#folder, 'first')
  }

  get #identity(): string {
    return join(this.#state, 'administrator')
  }

  async #makeHosts(): Promise<void> {
    mkdirSync(join(this.#state, 'disk'), { recursive: true })
    await this.#startMaster()
    const { hosts, close } = await connect({ socketPath: this.masterSocket })
    try {
      const enrol = async (
        name: string,
        role: 'media-server' | 'client' | 'administrator',
        port?: number,
      ) => {
        const { token } = await hosts.createToken({ name, roles: [role] })
        await enrolAt({
          master: this.master,
          token,
          addresses: port === undefined ? [] : [`${host}:${port}`],
          directory: port === undefined ? this.#identity : join(this.#state, name, 'identity'),
        })
      }
      await enrol('media1', 'media-server', this.#ports[1])
      await enrol('client1', 'client', this.#ports[2])
      await enrol('administrator', 'administrator')
    } finally {
      close()
    }
    await this.#startOthers('--new-disk', 'disk1')
  }

  /** One disk and one policy, which is never due by itself. */
  async #configure(source: string): Promise<void> {
    const { media, scheduler } = this.ports
    await media.putStorageUnit({
      ...{ type: 'disk', name: 'disk1', mediaServer: 'media1', state: 'up' },
      ...{ maxFragmentBytes, maxConcurrentJobs: 20, onDemandOnly: false },
    })
    await scheduler.putPolicy({
      policy: {
        name: policy,
        active: true,
        clients: ['client1'],
        selections: [toPath(source)],
        storage: { kind: 'unit', name: 'disk1' },
        schedules: [{ name: 'full', type: 'full', frequencyMs: 86_400_000, windows: [], retentionLevel: 1 }],
      },
    })
  }

  async #startPrograms(): Promise<void> {
    await this.#startMaster()
    await this.#startOthers()
    await sleep(upMs)
  }

  async #startMaster(): Promise<void> {
    this.#programs = [await HostProgram.start('master-server', this.#optionsOf('master1', 0))]
  }

  async #startOthers(...more: readonly string[]): Promise<void> {
    const toMaster = ['--master', this.master]
    const disk = ['--disk', `disk1=${join(this.#state, 'disk')}`]
    this.#programs.push(
      await HostProgram.start('media-server', [
        ...this.#optionsOf('media1', 1),
        ...toMaster,
        ...disk,
        ...more,
      ]),
      await HostProgram.start('client', [...this.#optionsOf('client1', 2), ...toMaster]),
    )
    const clock = systemClock()
    this.#administrator = await openHost({ clock, directory: this.#identity, master: this.master })
    await this.#administrator.start()
  }

  #optionsOf(name: string, number: number): readonly string[] {
    return ['--state', join(this.#state, name), '--name', name, '--address', `${host}:${this.#ports[number]}`]
  }

  /** Those who need the master first. */
  async #stopPrograms(): Promise<void> {
    await this.#administrator?.stop()
    this.#administrator = undefined
    for (const program of this.#programs.reverse()) await program.stop()
    this.#programs = []
  }
}
