"""Files: reading ours, writing outside the scratch folder, filling the disk."""

from prefill_assets_tests.verification.hostile.case import PASSED, attack, probe, refused

CASES = [
    refused("reads the password files", *(f"open('/etc/{name}').read()" for name in ("passwd", "shadow", "hostname", "hosts"))),
    probe(
        "walks through the home folder",
        """
for folder, _, names in os.walk('$HOME'):
    found += [p for p in (folder + '/' + n for n in names) if not p.startswith('$LIBRARY') and p != '$PYTHON']
""",
    ),
    probe(
        "walks through everything",
        """
allowed = ('/usr/lib', '/usr/lib64', '/lib', '/usr/share/zoneinfo', '/dev/', '/tmp', '/nix/', '$LIBRARY')
for folder, _, names in os.walk('/'):
    found += [p for p in (folder + '/' + n for n in names) if not p.replace('//', '/').startswith(allowed) and p != '$PYTHON']
""",
    ),
    refused(
        "reads the project", "os.listdir('$PROJECT')", "open('$PROJECT/pyproject.toml').read()", "os.listdir('$PROJECT/data')"
    ),
    probe(
        "reads the verifier's sources",
        """
import inspect, sys
found += os.listdir('/verifier/child') if os.path.exists('/verifier/child') else []
for name, module in list(sys.modules.items()):
    if name.startswith('child'):
        try: found.append(inspect.getsource(module)[:20])
        except OSError: pass
""",
    ),
    probe(
        "writes wherever it can",
        """
for folder in ('/', '/dev', '/etc', '/proc', '/sys', '/usr', '/usr/lib', '/root', '/home', '/var/tmp', '/run', '/verifier',
               '$HOME', '$LIBRARY', '$PROJECT', os.path.dirname(os.__file__)):
    try:
        open(folder + '/left-by-a-submission', 'w').close()
        found.append(folder)
    except OSError: pass
""",
    ),
    refused(
        "replaces a module of the standard library",
        "open(os.__file__, 'a')",
        "os.unlink(os.__file__)",
        "os.rename(os.__file__, os.__file__ + '.old')",
        "os.chmod(os.__file__, 0o777)",
    ),
    attack(
        "follows symbolic links out",
        """
import os
def f(x):
    for target in ('/etc/passwd', '/proc/1/root/etc/shadow', '$PROJECT/pyproject.toml', '../../../../../etc/passwd'):
        os.symlink(target, 'link')
        try: return open('link').read()
        except OSError: os.unlink('link')
    return x * 2
""",
        PASSED,
        PASSED,
    ),
    refused("makes device nodes", "os.mknod('disk', 0o60666, os.makedev(254, 0))", "os.mknod('mem', 0o20666, os.makedev(1, 1))"),
    refused("opens devices", *(f"open('/dev/{name}')" for name in ("mem", "kmsg", "sda", "vda", "tty", "kvm", "fuse", "ptmx"))),
    probe(
        "fills the disk",
        """
import signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
written = 0
try:
    for number in range(40):
        with open(str(number), 'wb', buffering=0) as file:
            written += file.write(bytes(8 << 20))
except OSError: pass
if written > 65 << 20: found.append(written)
""",
    ),
    probe(
        "makes very many files",
        """
count = 0
try:
    for count in range(20000): open(str(count), 'w').close()
except OSError: pass
if count > 5000: found.append(count)
""",
    ),
    probe(
        "opens very many files",
        """
files = []
try:
    while len(files) < 1000: files.append(open('/dev/null'))
except OSError: pass
if len(files) > 64: found.append(len(files))
files.clear()
""",
    ),
    attack(
        "writes one file without end",
        "def f(x):\n    with open('big', 'wb') as file:\n        while True: file.write(bytes(1 << 20))",
    ),
    probe(
        "looks for open descriptors of ours",
        """
import stat
kinds = []
for descriptor in range(3, 256):
    try: kinds.append(stat.S_IFMT(os.fstat(descriptor).st_mode))
    except OSError: continue
    try: found.append(os.read(descriptor, 1))
    except OSError: pass
if kinds != [stat.S_IFIFO]: found.append(kinds)
""",
    ),
    refused(
        "tricks with /proc and /sys",
        *(f"open('/proc/{name}').read(1)" for name in ("1/environ", "self/environ", "1/cmdline", "self/mem", "kcore", "mounts")),
        "open('/proc/sys/kernel/core_pattern', 'w')",
        "open('/proc/sysrq-trigger', 'w')",
        "os.listdir('/proc/1/root')",
        "os.listdir('/sys/kernel')",
    ),
    refused(
        "mounts and changes its root",
        "call(libc.mount(b'proc', b'/tmp/scratch', b'proc', 0, None))",
        "call(libc.mount(b'tmpfs', b'/usr', b'tmpfs', 0, None))",
        "call(libc.mount(None, b'/', None, 0x1020, None))",
        "call(libc.umount2(b'/tmp', 2))",
        "call(libc.pivot_root(b'/tmp', b'/tmp/scratch'))",
        "os.chroot('/tmp')",
        imports="""import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def call(result):
    if result != 0: raise OSError
""",
    ),
    probe(
        "gains rights by a set-user-ID file",
        """
import shutil, subprocess
shutil.copy('$PYTHON', 'python')
os.chmod('python', 0o6755)
code = 'import os; print(os.getuid() == os.geteuid() != 0)'
ran = subprocess.run(['./python', '-I', '-S', '-c', code], capture_output=True, text=True, env={'PYTHONHOME': '/'})
if 'False' in ran.stdout: found.append(ran.stdout)
if not os.statvfs('.').f_flag & os.ST_NOSUID: found.append('suid')
""",
    ),
]
