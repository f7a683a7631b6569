import fc from 'fast-check'
import t from 'tap'
import { localMounts, parseMountinfo, visibleMounts } from '../../src/client/mountinfo.ts'

function local(content: string | Buffer): readonly string[] {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  return localMounts(parseMountinfo(bytes)).map(
    ({ mountPoint, type }) => `${mountPoint.toString('latin1')} ${type}`,
  )
}

t.test('a server with LVM: its disks, and nothing of the kernel, of memory and of the network', async (t) => {
  const content = `22 28 0:21 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
23 28 0:22 / /proc rw,nosuid,nodev,noexec,relatime shared:12 - proc proc rw
24 28 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw,size=4062004k,nr_inodes=1015501,mode=755
25 22 0:6 / /sys/kernel/security rw,nosuid,nodev,noexec,relatime shared:8 - securityfs securityfs rw
26 24 0:23 / /dev/shm rw,nosuid,nodev shared:3 - tmpfs tmpfs rw
27 24 0:24 / /dev/pts rw,nosuid,noexec,relatime shared:4 - devpts devpts rw,gid=5,mode=620,ptmxmode=000
28 1 253:0 / / rw,relatime shared:1 - xfs /dev/mapper/rhel-root rw,attr2,inode64,noquota
29 28 0:25 / /run rw,nosuid,nodev shared:13 - tmpfs tmpfs rw,mode=755
30 22 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate
41 23 0:38 / /proc/sys/fs/binfmt_misc rw,relatime shared:16 - autofs systemd-1 rw,fd=31,pgrp=1,timeout=0
45 28 0:40 / /tmp rw,nosuid,nodev shared:18 - tmpfs tmpfs rw
60 28 8:1 / /boot rw,relatime shared:30 - xfs /dev/sda1 rw,attr2,inode64,noquota
61 60 8:2 / /boot/efi rw,relatime shared:31 - vfat /dev/sda2 rw,fmask=0077,codepage=437
63 28 253:2 / /home rw,relatime shared:33 - ext4 /dev/mapper/rhel-home rw
70 28 0:48 / /mnt/projects rw,relatime shared:40 - nfs4 filer:/vol/projects rw,vers=4.2,addr=10.0.0.9
71 28 0:49 / /mnt/windows rw,relatime shared:41 - cifs //dc1/share rw,vers=3.1.1
72 28 0:50 / /mnt/cloud rw,nosuid,nodev,relatime shared:42 - fuse.sshfs ann@host:/ rw,user_id=0
73 28 8:17 / /mnt/usb rw,relatime shared:43 - fuseblk /dev/sdb1 rw,user_id=0,group_id=0,allow_other
74 28 11:0 / /media/cd ro,relatime shared:44 - iso9660 /dev/sr0 ro
75 28 7:0 / /snap/core/16202 ro,nodev,relatime shared:45 - squashfs /dev/loop0 ro
`
  t.same(local(content), ['/ xfs', '/boot xfs', '/boot/efi vfat', '/home ext4', '/mnt/usb fuseblk'])
})

t.test('bind mounts of what is seen elsewhere do not count, the shortest way to a disk does', async (t) => {
  t.same(
    local(`28 1 8:2 / / rw - ext4 /dev/sda2 rw
30 28 8:2 /srv/www /var/www rw - ext4 /dev/sda2 rw
31 28 8:2 / /mnt/root-again rw - ext4 /dev/sda2 rw
32 28 8:17 / /var/lib/kubelet/pods/a/volumes/pvc-1 rw - ext4 /dev/sdb1 rw
33 28 8:17 / /mnt/b rw - ext4 /dev/sdb1 rw
34 28 8:17 / /mnt/a rw - ext4 /dev/sdb1 rw
35 28 8:33 /only/this /data rw - xfs /dev/sdc1 rw
`),
    ['/ ext4', '/data xfs', '/mnt/a ext4'],
  )
})

t.test('subvolumes of btrfs are file systems of their own; a bind mount within one is none', async (t) => {
  t.same(
    local(`28 1 0:30 /@ / rw,relatime shared:1 - btrfs /dev/nvme0n1p2 rw,ssd,subvolid=256,subvol=/@
40 28 0:30 /@home /home rw,relatime shared:2 - btrfs /dev/nvme0n1p2 rw,ssd,subvolid=257,subvol=/@home
41 28 0:30 / /mnt/top rw,relatime shared:3 - btrfs /dev/nvme0n1p2 rw,ssd,subvolid=5,subvol=/
42 28 0:30 /@home/ann/www /srv/www rw,relatime shared:4 - btrfs /dev/nvme0n1p2 rw,ssd,subvolid=257,subvol=/@home
`),
    ['/ btrfs', '/home btrfs', '/mnt/top btrfs'],
  )
})

t.test('data sets of ZFS, and a disk without a device file in its name', async (t) => {
  t.same(
    local(`28 1 0:30 / / rw - zfs rpool/ROOT/debian rw,xattr,posixacl
29 28 0:31 / /home rw - zfs rpool/home rw
`),
    ['/ zfs', '/home zfs'],
  )
})

t.test('in a container the overlay that is the root counts, and the volumes', async (t) => {
  t.same(
    local(`1209 988 0:53 / / rw,relatime master:430 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/A
1210 1209 0:56 / /proc rw,nosuid - proc proc rw
1211 1209 0:57 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k,mode=755
1213 1209 8:1 /var/lib/docker/volumes/db/_data /var/lib/db rw,relatime master:1 - ext4 /dev/sda1 rw
1220 1209 0:60 / /var/lib/docker/overlay2/x/merged rw - overlay overlay rw
`),
    ['/ overlay', '/var/lib/db ext4'],
  )
})

t.test('escapes and names that are not UTF-8 come through', async (t) => {
  const content = Buffer.concat([
    Buffer.from(
      '28 1 8:1 / / rw - ext4 /dev/sda1 rw\n29 28 8:2 / /mnt/my\\040disk\\134\\011\\012\\043 rw - ext4 /dev/sdb1 rw\n',
    ),
    Buffer.from('30 28 8:3 / /mnt/caf'),
    Buffer.from([0xe9]),
    Buffer.from(' rw shared:1 master:2 propagate_from:3 - ext4 /dev/sdc1 rw\n'),
  ])
  const [, strange, odd] = [...localMounts(parseMountinfo(content))].sort((a, b) =>
    a.device < b.device ? -1 : 1,
  )
  t.equal(strange?.mountPoint.toString(), '/mnt/my disk\\\t\n#')
  t.same([...(odd?.mountPoint ?? [])].slice(-4), [0x63, 0x61, 0x66, 0xe9])
})

t.test('what is mounted over is not seen, nor what was below it', async (t) => {
  const mounts = parseMountinfo(
    Buffer.from(`28 1 8:1 / / rw - ext4 /dev/sda1 rw
30 28 8:2 / /a rw - ext4 /dev/sdb1 rw
31 30 8:3 / /a/below rw - ext4 /dev/sdc1 rw
32 30 8:4 / /a rw - ext4 /dev/sdd1 rw
40 28 8:5 / /x/y rw - ext4 /dev/sde1 rw
41 28 8:6 / /x rw - ext4 /dev/sdf1 rw
`),
  )
  t.same(
    visibleMounts(mounts).map(({ device }) => device),
    ['8:1', '8:4', '8:6'],
  )
})

t.test('what is not of the form is passed over, whatever it is', async (t) => {
  t.same(local('\n1 2 3\nnot a line\n1 2 8:1 / relative rw - ext4 /dev/sda rw\n'), [])
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      localMounts(parseMountinfo(Buffer.from(bytes)))
    }),
  )
})
