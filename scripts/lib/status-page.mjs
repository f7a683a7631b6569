// The page of every status: what it means, what to do, and when it is given here.

/**
 * When a status is given, by number. One that the field has and this version never gives is `notYet`: it stands in the table
 * so that what reads our output knows it.
 */
const notYet = undefined

/** @type {Readonly<Record<number, string | undefined>>} */
export const statusUses = {
  0: 'a job or request succeeded',
  1: 'a backup or restore with warnings in its log; the image is kept',
  2: 'nothing of the selections could be read',
  3: 'an archive was saved, and some of it was changed meanwhile or could not be removed; or nothing was removed, because a copy that was asked for is not made',
  4: 'an archive was saved, and its removal could not run at all',
  5: 'a restore would have replaced or left the target, or could not bring everything back',
  10: notYet,
  11: 'a call of the operating system failed and no other status fits',
  12: notYet,
  13: notYet,
  14: notYet,
  20: 'an argument, a policy or an option is wrong; the message names the field',
  23: 'a data channel broke',
  24: notYet,
  25: '`nb` found no server on its socket, or the connection ended in the middle of a call',
  40: 'the connection to a drive or robot was lost, or nobody answers there',
  41: 'client or media server were silent for longer than they may be, or a drive or robot took too long over a command',
  43: 'a message or a stored form is of another version, or not what the port allows',
  46: 'a data channel was opened with a ticket that is unknown, used or too old, or an iSCSI target and we do not trust one another',
  48: 'a job names a client that the media server does not know',
  49: notYet,
  50: 'the client agent ended during a run',
  58: 'the client agent does not answer',
  63: 'the session of a job is gone after a restart or a crash of the media server',
  69: notYet,
  71: 'none of the selections exists on the client',
  73: "the client's start script ended with an error; nothing was backed up",
  74: "the client's start script took too long",
  75: "the client's end script took too long",
  76: 'the client sent no data for longer than it may',
  77: notYet,
  82: notYet,
  83: 'a storage unit or volume could not be opened',
  84: 'writing to disk or tape failed, or the medium is write-protected',
  85: 'a block on disk or tape is damaged',
  86: 'a tape could not be positioned',
  87: notYet,
  90: notYet,
  91: notYet,
  92: 'the stored stream is no tar archive where one should be',
  93: notYet,
  94: notYet,
  96: 'a tape ended and no other volume was to be had',
  129: 'the disk of a storage unit is full',
  130: 'something that should not happen did',
  134: notYet,
  142: 'a path that was asked for is in no image of that time',
  145: 'another process holds the state, or the folder of a disk',
  147: notYet,
  150: '`nb cancel`',
  152: 'a field without which a request makes no sense is missing',
  154: 'a need does not fit the storage unit it names',
  155: 'the target of a restore, or the disk of the state, is full',
  157: '`nb suspend`: how the try ended; the job itself goes on when it is resumed',
  163: 'what a checkpoint refers to is gone; the backup starts afresh by itself',
  165: 'the fragments of an image are not where the catalog says',
  167: 'a policy names a volume pool that does not exist',
  174: 'a drive or robot refused a command for a reason that has no status of its own',
  175: notYet,
  190: 'no image of the client fits',
  191: 'a verification found something that is not as it was written',
  194: 'a limit of 0 for a policy or client',
  195: notYet,
  196: 'a queued job when its window closes; active jobs go on',
  197: notYet,
  198: 'a user backup or archive, where no policy has a schedule for it',
  199: 'a user backup or archive outside the windows of its schedule',
  200: notYet,
  213: 'no storage unit exists',
  217: notYet,
  219: 'a policy names a storage unit that does not exist',
  220: 'the database is damaged or can not be written',
  223: notYet,
  226: 'something of that name exists',
  227: 'something that was named does not exist',
  228: 'the state of something forbids what was asked; also what is not supported yet, and a policy that someone else changed meanwhile',
  229: 'the parts of an image do not fit together, or a file list is damaged',
  230: 'no such policy',
  239: 'the policy does not name that client',
  240: 'the policy has no such schedule',
  247: 'a run by hand of an inactive policy',
  800: 'no release by others can ever serve a request; the message has the number of the reason',
  801: 'the end of a job is not known',
  803: 'the server is ending; the job is due again at the next start',
  805: 'no such job (any more)',
  811: 'a media server does not answer',
  813: 'an id stands for another request',
  830: 'reason: the drives that could do it are down',
  900: notYet,
  901: notYet,
  906: '`nb request deny`: the operator does not bring the volume that a job waits for',
  907: 'a request for resources was taken back',
  914: 'a lease ended, or a session is not known any more',
  916: notYet,
  2000: 'reason: no volume to write to',
  2001: 'reason: no free drive',
  2002: notYet,
  2012: notYet,
  2020: 'reason: the robot is down',
  2027: 'reason: the media server is down',
  2029: notYet,
  2030: notYet,
  2031: 'reason: a volume that a read needs is unknown',
  2032: 'reason: another job has the volume',
  2037: 'a drive was addressed with no volume in it',
  2040: 'reason: the limit of a storage unit, policy or client is reached',
  2041: 'reason: the storage unit is down',
  2042: 'reason: the volume does not fit the drives',
  2043: 'a slot or drive has no volume',
  2045: 'reason: the limit of a storage unit is 0',
  2054: 'reason: the volume is in a drive that is down',
  2062: 'reason: the media server has its most jobs',
  2073: notYet,
  2087: 'reason: the pool has its most partly full volumes',
  2097: 'a policy names a storage unit group that does not exist',
  2100: 'reason: the volume has had its most mounts',
  2101: 'no such media server',
  2104: notYet,
  2111: 'reason: only storage units on demand exist, and the policy names none',
  2800: 'a restore failed for more than one reason, or for one without a number of its own',
  2826: 'a media server that a restore needs does not answer',
}

/** The page, from the tables of `@nb/contracts`. */
export function renderStatusPage({ statusCodes, errorKinds }) {
  const numbers = Object.keys(statusCodes).map(Number)
  const areas = [
    ['Jobs, clients and media', (status) => status < 100],
    ['Requests, policies and the catalog', (status) => status >= 100 && status < 800],
    ['Jobs, resources and sessions', (status) => status >= 800 && status < 2000],
    ['Why a job waits, or its request is denied', (status) => status >= 2000 && status < 2800],
    ['Restores', (status) => status >= 2800],
  ]
  return `# Statuses

Every job ends with a status, and every refused request has one. 0 and 1 are successes; the numbers are the field's, so that an
administrator finds the ones they know. \`nb status N\` tells one in the terminal, \`nb jobs --status N\` lists the jobs that ended
with it, and \`nb why ID\` gives the 2000s as reasons why a job waits.

The column *given* says when this version gives it; where it is empty, it does not. The error codes are what a program sees.

This page is written by \`node scripts/status-page.mjs\` from \`@nb/contracts\` and \`scripts/lib/status-page.mjs\`.

${areas.map(([title, has]) => section(title, numbers.filter(has), statusCodes, errorKinds)).join('\n')}`
}

function section(title, numbers, statusCodes, errorKinds) {
  const rows = numbers.map((status) => {
    const codes = Object.entries(errorKinds)
      .filter(([, kind]) => kind.status === status)
      .map(([code]) => `\`${code}\``)
    const given = [statusUses[status], ...(codes.length === 0 ? [] : [codes.join(', ')])].filter(Boolean)
    const { meaning, remedy } = statusCodes[status]
    return `| ${status} | ${meaning} | ${remedy} | ${given.join('; ')} |`
  })
  return `## ${title}\n\n| status | meaning | what to do | given |\n|---|---|---|---|\n${rows.join('\n')}\n`
}
