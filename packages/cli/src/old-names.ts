/** A command of the original product, and what does its work here. */
export interface OldName {
  readonly name: string
  /** What people used it for. */
  readonly was: string
  /** Command lines of ours, each with what it does where that isn't plain; `[]` where nothing corresponds, which `was` or `note` explains. */
  readonly now: readonly string[]
  /** What differs. */
  readonly note?: string
}

/** The old command names, by area. {@link oldName} finds one. */
export const oldNames: readonly OldName[] = [
  {
    name: 'bpbackup',
    was: 'start backups',
    now: ['nb backup POLICY [--schedule NAME] [--client NAME]', 'nb backup --user PATH...'],
    note: 'bpbackup -i is the first, of a user the second',
  },
  { name: 'bparchive', was: 'back files up and remove them', now: ['nb backup --archive PATH...'] },
  {
    name: 'bprestore',
    was: 'bring files back',
    now: ['nb restore PATH... [--client NAME] [--to-client NAME] [--to DIR --strip PREFIX]'],
    note: '-C is --client, -D --to-client, -s and -e are --at, -R is --to with --strip',
  },
  {
    name: 'bplist',
    was: 'list what was backed up',
    now: ['nb list PATH [--recursive]', "nb find 'PATTERN'", 'nb list PATH --versions'],
  },
  { name: 'bpflist', was: 'list files of images', now: ['nb list / --image ID --recursive'] },
  {
    name: 'bpdbjobs',
    was: 'show and change jobs',
    now: [
      'nb jobs [--follow]',
      'nb job ID',
      'nb cancel ID...',
      'nb suspend ID...',
      'nb resume ID...',
      'nb restart ID...',
      'nb purge --older-than PERIOD',
    ],
    note: '-report -all_columns is nb jobs --json',
  },
  { name: 'bpclimagelist', was: "list a client's images", now: ['nb images --client NAME'] },
  { name: 'bpimagelist', was: 'list images', now: ['nb images', 'nb volume images ID'] },
  { name: 'bpimmedia', was: 'tell on which media images are', now: ['nb copies', 'nb volume images ID'] },
  {
    name: 'bpexpdate',
    was: 'expire images',
    now: ['nb expire IMAGE...', 'nb retention set LEVEL PERIOD'],
    note: '-d 0 is nb expire; -recalculate follows nb retention set by itself',
  },
  {
    name: 'bpimage',
    was: 'clean the catalog up',
    now: ['nb catalog check --repair'],
    note: 'what has expired is cleaned up by itself; -npc is nb copies IMAGE --promote N',
  },
  {
    name: 'bpchangeprimary',
    was: 'choose the copy that restores read',
    now: ['nb copies IMAGE --promote N', 'nb copies --promote-on UNIT'],
  },
  { name: 'bpverify', was: 'read images and compare', now: ['nb verify IMAGE... --wait'] },
  { name: 'bpduplicate', was: 'copy images', now: ['nb duplicate IMAGE... --to UNIT --wait'] },
  {
    name: 'bpimport',
    was: 'bring images back into the catalog',
    now: ['nb import UNIT [--volume ID] --wait'],
    note: 'both phases are one job',
  },
  {
    name: 'bpmedialist',
    was: 'list volumes with images',
    now: ['nb volumes --assigned', 'nb volume images ID'],
  },
  {
    name: 'bpmedia',
    was: 'freeze, suspend and free volumes',
    now: [
      'nb volume freeze ID...',
      'nb volume unfreeze ID...',
      'nb volume suspend ID...',
      'nb volume full ID...',
      'nb volume activate ID...',
    ],
  },
  { name: 'bplabel', was: 'label volumes', now: ['nb volume label ID... [--overwrite]'] },
  { name: 'available_media', was: 'list volumes by pool', now: ['nb volumes', 'nb pools'] },
  { name: 'vmquery', was: 'list volumes', now: ['nb volumes [ID] [--pool NAME]'] },
  {
    name: 'vmchange',
    was: 'change volumes',
    now: ['nb volume pool POOL ID...', 'nb volume eject ID...', 'nb robot inject NAME'],
  },
  {
    name: 'vmadd',
    was: 'add volumes',
    now: ['nb robot inventory NAME --update'],
    note: 'volumes are added by their barcodes',
  },
  {
    name: 'vmdelete',
    was: 'remove volumes',
    now: ['nb volume eject ID...'],
    note: 'a volume that was taken out stays known, outside of any robot',
  },
  { name: 'vmpool', was: 'volume pools', now: ['nb pools', 'nb pool set NAME [--scratch]'] },
  { name: 'vmupdate', was: 'take stock of a robot', now: ['nb robot inventory NAME --update'] },
  {
    name: 'vmoprcmd',
    was: 'drives, and requests of operators',
    now: [
      'nb drives',
      'nb drive up NAME...',
      'nb drive down NAME...',
      'nb drive operator NAME...',
      'nb requests',
      'nb request deny JOB...',
    ],
  },
  {
    name: 'tpconfig',
    was: 'configure drives and robots',
    now: ['nb drives', 'nb robots'],
    note: 'a media server that is started with --tape registers what it finds',
  },
  {
    name: 'tpautoconf',
    was: 'find devices',
    now: ['nb drives', 'nb robots'],
    note: 'a media server that is started with --tape registers what it finds',
  },
  {
    name: 'tpclean',
    was: 'clean drives',
    now: ['nb drives', 'nb drive cleaned NAME...'],
    note: 'drives are cleaned when they ask for it, or by --tape-cleaning-hours of the server',
  },
  {
    name: 'tpreq',
    was: 'mount a volume by hand',
    now: [],
    note: 'nobody mounts by hand: jobs do, nb volume label moves and labels',
  },
  {
    name: 'robtest',
    was: 'move cartridges by hand',
    now: ['nb robot inventory NAME', 'nb volume eject ID...', 'nb robot inject NAME'],
  },
  {
    name: 'nbdevquery',
    was: 'list storage servers, disks and drives',
    now: ['nb storage', 'nb drives', 'nb media-servers'],
  },
  {
    name: 'nbdevconfig',
    was: 'configure disk storage',
    now: [
      'nb storage add NAME --media-server NAME',
      'nb storage set NAME',
      'nb storage up NAME...',
      'nb storage down NAME...',
    ],
  },
  { name: 'bpstulist', was: 'list storage units', now: ['nb storage'] },
  {
    name: 'bpstuadd',
    was: 'add storage units',
    now: ['nb storage add NAME --media-server NAME [--robot NAME]', 'nb group set NAME MEMBER...'],
  },
  {
    name: 'bpsturep',
    was: 'change storage units',
    now: ['nb storage set NAME', 'nb group set NAME MEMBER...'],
  },
  {
    name: 'bpstudel',
    was: 'remove storage units',
    now: ['nb storage down NAME...', 'nb group remove NAME...'],
    note: 'a storage unit stays known: images may be on it',
  },
  {
    name: 'nbrbutil',
    was: 'see and free what jobs wait for',
    now: ['nb queue [--reasons]', 'nb why ID', 'nb priority ID N', 'nb orphans [--repair]'],
  },
  {
    name: 'nbpemreq',
    was: 'ask the policy execution manager',
    now: ['nb next [POLICY]', 'nb preview POLICY'],
  },
  {
    name: 'bppllist',
    was: 'list policies',
    now: ['nb policies', 'nb policy show NAME', 'nb policy export NAME'],
  },
  {
    name: 'bpplinfo',
    was: 'attributes of a policy',
    now: [
      'nb policy show NAME',
      'nb policy export NAME',
      'nb policy import FILE',
      'nb policy activate NAME...',
    ],
  },
  {
    name: 'bpplsched',
    was: 'schedules of a policy',
    now: ['nb policy show NAME', 'nb policy export NAME', 'nb policy import FILE'],
  },
  {
    name: 'bpplschedrep',
    was: 'change a schedule',
    now: ['nb policy export NAME', 'nb policy import FILE', 'nb preview POLICY'],
  },
  { name: 'bpplclients', was: 'clients of a policy', now: ['nb policy show NAME', 'nb policy import FILE'] },
  {
    name: 'bpplinclude',
    was: 'selections of a policy',
    now: ['nb policy show NAME', 'nb policy import FILE'],
  },
  { name: 'bppldelete', was: 'remove a policy', now: ['nb policy remove NAME...'] },
  { name: 'bppolicynew', was: 'make a policy', now: ['nb policy import FILE'] },
  { name: 'bpretlevel', was: 'retention levels', now: ['nb retention', 'nb retention set LEVEL PERIOD'] },
  {
    name: 'nbemmcmd',
    was: 'media servers and machines',
    now: [
      'nb media-servers',
      'nb media-server up NAME...',
      'nb media-server down NAME...',
      'nb hosts',
      'nb errors',
    ],
  },
  {
    name: 'nbhostmgmt',
    was: 'hosts of the site',
    now: ['nb hosts', 'nb host set NAME', 'nb host revoke NAME...'],
  },
  {
    name: 'nbcertcmd',
    was: 'certificates of hosts',
    now: [
      'nb host token NAME --role ROLE',
      'nb host enrol --token-file FILE --directory DIR',
      'nb hosts',
      'nb host revoke NAME...',
    ],
    note: '-createToken is the first, -getCertificate the second; certificates renew themselves',
  },
  {
    name: 'bpnbat',
    was: 'log in',
    now: ['nb host enrol --token-file FILE --directory ~/.config/nb/identity'],
  },
  {
    name: 'bpnbaz',
    was: 'roles of persons',
    now: ['nb host token NAME --role ROLE', 'nb host set NAME --role ROLE'],
  },
  { name: 'nbauditreport', was: 'who changed what', now: ['nb audit [--by NAME] [--since TIME]'] },
  {
    name: 'bpclntcmd',
    was: 'names and addresses of hosts',
    now: ['nb hosts', 'nb host set NAME --address HOST:PORT'],
    note: 'a host is who its certificate says, whatever name services answer',
  },
  {
    name: 'bptestbpcd',
    was: 'test the way to a client',
    now: ['nb hosts', 'nb backup POLICY --client NAME --wait'],
    note: 'a job tells in its log what it could not reach',
  },
  { name: 'bptestnetconn', was: 'test the ways between hosts', now: ['nb hosts', 'nb media-servers'] },
  {
    name: 'bpclient',
    was: 'clients of the catalog',
    now: ['nb hosts --role client', 'nb host set NAME --source CLIENT'],
  },
  {
    name: 'bpps',
    was: 'list processes',
    now: [],
    note: 'one process a host: systemctl status nb-master, nb-media-server or nb-client',
  },
  {
    name: 'bpup',
    was: 'start the services',
    now: [],
    note: 'systemctl start nb-master, nb-media-server or nb-client',
  },
  {
    name: 'bpdown',
    was: 'stop the services',
    now: [],
    note: 'systemctl stop nb-master, nb-media-server or nb-client',
  },
  {
    name: 'bperror',
    was: 'statuses and problems',
    now: ['nb status N', 'nb jobs --failed --since 24h', 'nb errors', 'nb job ID'],
  },
  { name: 'nbstatus', was: 'what a status means', now: ['nb status N'] },
  {
    name: 'nbkmsutil',
    was: 'keys of tapes',
    now: [],
    note: '--tape-keys FILE and --tape-new-key LABEL of the server',
  },
  { name: 'bprecover', was: 'recover a catalog', now: [], note: '--recover FILE of the all-in-one server' },
]

/** The command of that old name, with or without a path and an extension before and behind. */
export function oldName(typed: string): OldName | undefined {
  const name = typed.replace(/^.*[\\/]/, '').replace(/\.exe$/i, '')
  return oldNames.find((each) => each.name === name)
}
