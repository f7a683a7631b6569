import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import t from 'tap'
import { packageFolders } from '../scripts/lib/readme.mjs'
import { environment, node, root } from '../scripts/lib/run.mjs'

const execute = promisify(execFile)
const folders = packageFolders()
const npmEnvironment = environment({ npm_config_loglevel: 'error', npm_config_update_notifier: 'false' })

interface Manifest {
  name: string
  version: string
  private?: boolean
  license?: string
  engines?: { node?: string }
  publishConfig?: { access?: string }
}

/** The Node that the machine itself has: the first on PATH outside node_modules. */
function machineNode(): string | undefined {
  const outside = (process.env.PATH ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules'))
  for (const directory of outside) {
    const candidate = join(directory, 'node')
    try {
      execFileSync(candidate, ['--version'])
      return candidate
    } catch {
      continue
    }
  }
  return undefined
}

function manifestOf(folder: string): Manifest {
  return JSON.parse(readFileSync(join(root, 'packages', folder, 'package.json'), 'utf8')) as Manifest
}

// Outside the repository, so that nothing resolves from its node_modules.
const scratch = mkdtempSync(join(tmpdir(), 'nb-packaging-'))
mkdirSync(join(scratch, 'tarballs'))
mkdirSync(join(scratch, 'project'))
t.teardown(() => rmSync(scratch, { recursive: true, force: true }))
const tarballs = new Map<string, string>()

t.before(async () => {
  const selected = folders.flatMap((folder) => ['-w', `packages/${folder}`])
  const packed = [
    'pack',
    ...selected,
    '--json',
    '--ignore-scripts',
    '--pack-destination',
    join(scratch, 'tarballs'),
  ]
  const { stdout } = await execute('npm', packed, { cwd: root, env: npmEnvironment, maxBuffer: 1 << 26 })
  const entries = Object.values(JSON.parse(stdout) as { name: string; filename: string }[])
  for (const { name, filename } of entries) tarballs.set(name, join(scratch, 'tarballs', filename))
})

t.test('metadata is ready to publish', async (t) => {
  const versions = new Set<string>()
  for (const folder of folders) {
    const manifest = manifestOf(folder)
    versions.add(manifest.version)
    t.match(manifest, {
      name: `@nb/${folder}`,
      license: 'Apache-2.0',
      engines: { node: '>=20.19' },
      publishConfig: { access: 'public' },
    })
    t.notOk(manifest.private, `${folder} is public`)
  }
  t.equal(versions.size, 1, 'one version for all')
})

for (const folder of folders) {
  t.test(`${folder} as a tarball`, async (t) => {
    const tarball = tarballs.get(`@nb/${folder}`)
    if (tarball === undefined) return t.fail('npm packed it')
    const { stdout: listing } = await execute('tar', ['-tzf', tarball])
    t.match(listing, 'package/dist/index.js', 'carries its JavaScript')
    t.match(listing, 'package/dist/index.d.ts', 'carries its declarations')
    t.match(listing, 'package/src/index.ts', 'carries its sources')
    t.notMatch(listing, /tsbuildinfo|\.test\.|\.cache/, 'carries nothing else')
    const bytes = readFileSync(tarball)
    const pack = { tarball: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) }
    const { messages, pkg } = await publint({ pack, strict: true })
    t.same(
      messages.map((message) => formatMessage(message, pkg)),
      [],
      'publint is content',
    )
    const attw = [
      join(root, 'node_modules/@arethetypeswrong/cli/dist/index.js'),
      tarball,
      '--profile',
      'esm-only',
    ]
    const problems = await execute(node(), [...attw, '--no-emoji', '--no-color', '--format', 'table']).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    t.equal(problems, '', 'its types are right')
  })
}

t.test('a stranger installs the tarballs and imports them', async (t) => {
  const project = join(scratch, 'project')
  const names = folders.map((folder) => `@nb/${folder}`)
  const dependencies = Object.fromEntries([...tarballs].map(([name, tarball]) => [name, `file:${tarball}`]))
  const manifest = { name: 'stranger', version: '1.0.0', private: true, type: 'module', dependencies }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest))
  const install = [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
    '--ignore-scripts',
  ]
  await execute('npm', install, { cwd: project, env: npmEnvironment })
  t.same(readdirSync(join(project, 'node_modules/@nb')).sort(), folders.toSorted(), 'all are there')

  const imports = names.map((name, index) => `import * as p${index} from '${name}'`)
  const counts = names.map((name, index) => `'${name}': Object.keys(p${index}).length`)
  writeFileSync(
    join(project, 'main.js'),
    `${imports.join('\n')}\nconsole.log(JSON.stringify({ ${counts.join(', ')} }))\n`,
  )

  const nodes = new Map([['the repository', node()]])
  const own = machineNode()
  if (own !== undefined) nodes.set('the machine', own)
  for (const [owner, binary] of nodes) {
    const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim()
    const [major = 0, minor = 0] = version.slice(1).split('.').map(Number)
    const supported = major > 20 || (major === 20 && minor >= 19)
    t.test(
      `under the Node of ${owner}, ${version}`,
      { skip: supported ? false : 'older than 20.19' },
      async (t) => {
        const { stdout, stderr } = await execute(binary, ['main.js'], { cwd: project })
        const exported = JSON.parse(stdout) as Record<string, number>
        for (const name of names) t.ok((exported[name] ?? 0) > 0, `${name} exports ${exported[name]} values`)
        t.equal(stderr, '')
      },
    )
  }

  t.test('its declarations resolve without ours', async (t) => {
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    }
    writeFileSync(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }))
    const uses = names.map((_, index) => `export const u${index}: object = p${index}`)
    writeFileSync(join(project, 'main.ts'), `${[...imports, ...uses].join('\n')}\n`)
    const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', project]
    const found = await execute(node(), tsc).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    )
    t.equal(found, '')
  })
})
