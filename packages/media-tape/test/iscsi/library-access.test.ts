import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { NbError } from '@nb/contracts'
import t from 'tap'
import { defaultInitiatorName, readChapSecrets, readLibraryAccess, remedyOfLibrary } from '../../src/index.ts'
import { isIscsiName } from '../../src/iscsi/options.ts'

const secret = 'initiator-secret'

t.test('secrets come from a file, else from the environment', async (t) => {
  const file = join(t.testdir({ chap: `user = file\n\n# a comment\nsecret = a = b\n` }), 'chap')
  chmodSync(file, 0o600)
  const environment = { NB_ISCSI_USER: 'env', NB_ISCSI_SECRET: secret }
  t.same(readChapSecrets({ file, environment }), { name: 'file', secret: 'a = b' })
  t.same(readChapSecrets({ environment }), { name: 'env', secret })
  t.equal(readChapSecrets({ environment: { NB_ISCSI_USER: '' } }), undefined)
  t.equal(readChapSecrets({}), undefined)
  t.same(readChapSecrets({ environment: { ...environment, NB_ISCSI_TARGET_SECRET: 'proof' } }), {
    ...{ name: 'env', secret },
    target: { secret: 'proof' },
  })
})

t.test('what is incomplete is told, without what it says', async (t) => {
  const read = (text: string, mode = 0o600): string => {
    const file = join(t.testdir({}), 'chap')
    writeFileSync(file, text)
    chmodSync(file, mode)
    try {
      readChapSecrets({ file })
    } catch (error) {
      if (error instanceof NbError && error.code === 'argument-invalid') return error.message
      throw error
    }
    return 'taken'
  }
  t.match(read('user = me\n'), /both user and secret/)
  t.match(read(`secret = ${secret}\nuser = me`, 0o644), /chmod 600/)
  t.match(read(`user = me\npassword = ${secret}`), /line 2: it must be KEY = VALUE/)
  t.match(read(`me ${secret}`), /line 1: it must be KEY = VALUE/)
  t.notMatch(read(`user = me\npassword = ${secret}`), secret)
  t.match(read(`user = me\nuser = you\nsecret = ${secret}`), /line 2: user is there twice/)
  t.match(read(`user = me\nsecret = ${secret}\ntarget-user = it`), /without target-secret/)
  t.throws(() => readChapSecrets({ file: '/nowhere/chap' }), { message: /nowhere.*can't be read \(ENOENT\)/ })
  t.throws(() => readChapSecrets({ environment: { NB_ISCSI_SECRET: secret } }), { message: /NB_ISCSI_USER/ })
})

t.test('a library is named by a URL or by devices, and never with a secret', async (t) => {
  t.ok(isIscsiName(defaultInitiatorName()))
  const read = (library: string, more: Partial<Parameters<typeof readLibraryAccess>[0]> = {}) =>
    readLibraryAccess({ library, environment: {}, ...more })
  t.same(read('iscsi://host/iqn.2026-11.example:it/3'), {
    library: 'iscsi://host/iqn.2026-11.example:it/3',
    initiatorName: defaultInitiatorName(),
  })
  const environment = {
    ...{ NB_ISCSI_INITIATOR: 'iqn.2026-11.example:me', NB_ISCSI_USER: 'me', NB_ISCSI_SECRET: secret },
  }
  t.match(read('iscsi://host', { environment }), {
    initiatorName: 'iqn.2026-11.example:me',
    chap: { name: 'me', secret },
  })
  t.same(read('/dev/sg3,/dev/nst0', { environment }), {
    library: '/dev/sg3,/dev/nst0',
    initiatorName: 'iqn.2026-11.example:me',
  })
  const refused = (field: string, message: RegExp, ...args: Parameters<typeof read>): void =>
    void t.throws(() => read(...args), { code: 'argument-invalid', message, details: { field } })
  refused('library', /before the @ out.*for --tape-chap/, `iscsi://me%${secret}@host`, {
    chapOption: '--tape-chap',
  })
  refused('library', /before the @ out.*for --chap/, `iscsi://me:${secret}@host/iqn.2026-11.example:t`)
  refused('library', /named iscsi:\/\/HOST/, 'http://host')
  refused('library', /absolute paths/, '/dev/sg3,sg1')
  refused('url', /it must be iscsi:\/\/HOST/, 'iscsi://')
  refused('initiatorName', /iqn, eui or naa/, 'iscsi://host', { initiatorName: 'me' })
  refused('chap', /--chap goes with an iscsi/, '/dev/sg3', { chapFile: '/some/file' })
  refused('chap', /is a directory/, 'iscsi://host', { chapFile: import.meta.dirname })
})

t.test('what is to be done depends on what kept us off', async (t) => {
  const remedy = (details: NbError['details'], code = 'scsi-access-denied'): string =>
    remedyOfLibrary(new NbError(code as 'scsi-access-denied', 'x', { details }), {
      initiatorName: 'iqn.2026-11.example:me',
    })
  t.match(remedy({ statusClass: 2, statusDetail: 1 }), /--chap FILE.*iqn\.2026-11\.example:me/)
  t.match(remedy({ reason: 'target-unproven', discovery: true }), /Name the target/)
  t.match(remedy({ reason: 'target-unproven', discovery: false }), /target-secret/)
  t.match(remedy({ reserved: true }), /Another host/)
  t.match(remedy({ systemCode: 'EACCES' }), /group/)
  t.match(remedy({ systemCode: 'EBUSY' }), /End the program/)
  t.match(remedy({ statusClass: 2 }, 'not-found'), /Leave the target out/)
  t.match(remedy({ lun: 7 }, 'not-found'), /Leave its number out/)
  t.match(remedy({ systemCode: 'ENOENT' }, 'not-found'), /lsscsi/)
  t.match(remedy({}, 'scsi-transport-lost'), /firewall/)
})
