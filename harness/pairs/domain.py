# SPDX-License-Identifier: Apache-2.0
"""A machine as libvirt's XML: the guest, two serial ports, a monitor of our own, and the devices of back-ends."""

from __future__ import annotations

from pathlib import Path
from string import Template

from pairs.accelerator import accelerator
from pairs.backends import BUILD, Backend

BUILT_GUEST = BUILD / "guest"
EMULATOR = "/usr/bin/qemu-system-x86_64"
# QEMU 7.2 under TCG loses track of what the guest writes when RAM is a multiple of 256 KiB, with any device or none.
MEMORY_KIB = (128 << 10) + 8
CMDLINE = "console=ttyS0 quiet panic=-1 cryptomgr.notests"

DOMAIN = Template("""\
<domain type='$type' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
 <name>$name</name>
 <memory unit='MiB'>128</memory>
 <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
 <vcpu>1</vcpu>
 <os><type arch='x86_64' machine='q35'>hvm</type>
  <kernel>$guest/vmlinuz</kernel><initrd>$guest/initramfs</initrd><cmdline>$cmdline</cmdline></os>
 <features><acpi/></features>
 <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>preserve</on_crash>
 <devices><emulator>$emulator</emulator>$devices
  <controller type='usb' model='none'/><memballoon model='none'/>
  <serial type='file'><source path='$folder/console'/><target port='0'/></serial>
  <serial type='unix'><source mode='bind' path='$folder/agent'/><target port='1'/></serial>
 </devices>
 <qemu:commandline>
  <qemu:arg value='-m'/><qemu:arg value='${memory}k'/>
  <qemu:arg value='-object'/><qemu:arg value='memory-backend-memfd,id=odd.ram,size=${memory}k,share=on'/>
  <qemu:arg value='-machine'/><qemu:arg value='memory-backend=odd.ram'/>
  <qemu:arg value='-qmp'/><qemu:arg value='unix:$folder/qmp,server=on,wait=off'/>$arguments
 </qemu:commandline>
 <qemu:override>$overrides</qemu:override>
</domain>
""")

# A fault of QEMU 7.2 and before: MSI-X on a vhost-user network under TCG kills it.
NO_VECTORS = """<qemu:device alias='net0'><qemu:frontend>
<qemu:property name='vectors' type='unsigned' value='0'/></qemu:frontend></qemu:device>"""


def disk(backend: Backend, target: str = "vda", reconnects: bool = False) -> str:
    again = "<reconnect enabled='yes' timeout='1'/>" if reconnects else ""
    return f"""<disk type='vhostuser' device='disk'><driver name='qemu' type='raw'/>
<source type='unix' path='{backend.socket}'>{again}</source><target dev='{target}' bus='virtio'/></disk>"""


def share(backend: Backend) -> str:
    return f"""<filesystem type='mount'><driver type='virtiofs' queue='1024'/>
<source socket='{backend.socket}'/><target dir='share'/></filesystem>"""


def net(backend: Backend, reconnects: bool = False) -> str:
    again = "<reconnect enabled='yes' timeout='1'/>" if reconnects else ""
    mode = "server" if backend.kind.connects else "client"
    return f"""<interface type='vhostuser'><mac address='52:54:00:3b:83:1a'/>
<source type='unix' path='{backend.socket}' mode='{mode}'>{again}</source><model type='virtio'/></interface>"""


def rng(backend: Backend) -> str:
    """libvirt has no vhost-user entropy source."""
    return f"""<qemu:arg value='-chardev'/><qemu:arg value='socket,id=entropy,path={backend.socket}'/>
<qemu:arg value='-device'/><qemu:arg value='vhost-user-rng-pci,chardev=entropy,addr=0x1e'/>"""


def element(backend: Backend, reconnects: bool) -> str:
    """The device that @backend serves, where libvirt has it."""
    match backend.kind.device:
        case "blk":
            return disk(backend, reconnects=reconnects)
        case "net":
            return net(backend, reconnects)
        case "fs":
            return share(backend)
    return ""


def xml(name: str, guest: Path, folder: Path, backends: list[Backend], emulator: str, incoming: bool,
        reconnects: bool) -> str:
    """The whole domain."""
    devices = [element(b, reconnects) for b in backends]
    arguments = [rng(b) for b in backends if b.kind.device == "rng"]
    if incoming:
        arguments.append("<qemu:arg value='-incoming'/><qemu:arg value='defer'/>")
    overrides = NO_VECTORS if any(b.kind.device == "net" for b in backends) else ""
    return DOMAIN.substitute(type=accelerator(), name=name, guest=guest, cmdline=CMDLINE, emulator=emulator,
                             devices="".join(devices), folder=folder, memory=MEMORY_KIB,
                             arguments="".join(arguments), overrides=overrides)
