import { describePorts, type PortName } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'

/** `nb api [PORT...]`: the description of the ports, or of some, for programs in other languages. Asks no server. */
export async function apiCommand(ports: readonly PortName[], output: Output): Promise<ExitCode> {
  await output.value(ports.length === 0 ? describePorts() : describePorts(ports))
  return 0
}
