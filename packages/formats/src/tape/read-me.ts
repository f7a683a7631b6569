/** What stands on every tape, for whoever finds it without nb. */
export const TAPE_README = `This tape was written by nb, in the format nb-tape/1. mt, dd and GNU tar read it.

All blocks have 262144 bytes, but the label. Tape file 0 is the label (VOL1) and .nb/VOLUME.json; file 1 is this text; each
file from 2 on is one fragment of a backup image, or several multiplexed; the last is .nb/END.json.
/dev/nst0 stands for the drive; set it to variable blocks once:   mt -f /dev/nst0 setblk 0
N is the number of a tape file.

1. What is tape file N? Its first block is a tar member of JSON (client, policy, backupId, fragment, compression):
     mt -f /dev/nst0 asf N
     dd if=/dev/nst0 bs=256k count=1 | tar -xO | head -n 1

2. The files of a fragment that is not compressed and begins with a file (startsAtMemberBoundary):
     mt -f /dev/nst0 asf N
     tar -b 512 -xpf /dev/nst0 -C TARGET --anchored --exclude=.nb

3. How long is its payload? The last block of the file says payloadBlocks:
     mt -f /dev/nst0 asf N
     dd if=/dev/nst0 bs=256k | tail -c 262144 | tar -xO | head -n 1

4. An image of several fragments, perhaps on several tapes, or compressed: the payloads of all, in the order of their
   fragment numbers, into one tar. For each fragment
     mt -f /dev/nst0 asf N; mt -f /dev/nst0 fsr 1
     dd if=/dev/nst0 bs=256k count=PAYLOADBLOCKS >> stream
   and at the end
     tar -xpf stream -C TARGET --anchored --exclude=.nb
   (compressed: zstd -dc stream | tar -xp -C TARGET --anchored --exclude=.nb, or gzip -dc)

5. A file that begins with .nb/MULTIPLEX.json holds several streams. Its last block lists them. Stream 3 of it:
     mt -f /dev/nst0 asf N
     tar -b 512 -xOf /dev/nst0 --wildcards '.nb/stream-03/*' | tar -xp -C TARGET
   (compressed: ... | zstd -dc | tar -xp -C TARGET; of several fragments: collect each as in 4.)

Within each fragment .nb/IMAGE.json is the record of the backup, .nb/FILES the list of its files, .nb/BLOCKS one XXH3-64
(8 bytes, little endian) for each 256 KiB block of payload.

ACLs and extended attributes come back too, where they were backed up, as root and with GNU tar so:
     tar --acls --xattrs --xattrs-include='*' -b 512 -xpf /dev/nst0 -C TARGET --anchored --exclude=.nb
`

/**
 * The text of a tape.
 *
 * @param keyLabel - of the key with which its drive encrypts all that follows; absent where it does not
 */
export function tapeReadme(keyLabel?: string): string {
  if (keyLabel === undefined) return TAPE_README
  return `All behind this file is encrypted by the tape drive itself (SCSI tape data encryption, AES-256-GCM), with the key that is
called "${keyLabel}". Give the drive that key first, for reading mixed data; stenc and the like do that. Then all is as follows.

${TAPE_README}`
}
