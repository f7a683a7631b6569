# The kernel logs in to the library at $1:$2, and udev's work is done: the nodes of st and sg are there.
log_in() {
  echo "InitiatorName=iqn.2026-11.example.nb:machine" >/etc/iscsi/initiatorname.iscsi
  cat >/etc/iscsi/iscsid.conf <<CONF
node.startup = manual
node.session.timeo.replacement_timeout = 60
node.session.scan = auto
CONF
  pidof iscsid >/dev/null || iscsid -f -n >/tmp/iscsid.log 2>&1 &
  sleep 1
  iscsiadm -m node -o new -T "$target" -p "$1:$2" >/dev/null || return 1
  iscsiadm -m node -T "$target" -p "$1:$2" --login || return 1
  for turn in 1 2 3 4 5 6 7 8 9 10; do [ -c /dev/nst1 ] && [ -c /dev/sg1 ] && break; sleep 1; done
  [ -c /dev/nst0 ] || { echo 'no tape drive has come'; dmesg | tail -30; return 1; }
}
