"""Files made with O_TMPFILE in the current folder: 'kept' gets a name, 'lost' is open at the end, 'closed' is not."""
import ctypes, os, sys

libc = ctypes.CDLL(None, use_errno=True)

def unnamed(text, flags=0):
    descriptor = os.open('.', os.O_TMPFILE | os.O_RDWR | flags, 0o640)
    os.write(descriptor, text)
    return descriptor

def link(descriptor, name):
    # os.link() does not pass AT_SYMLINK_FOLLOW (0x400); AT_FDCWD is -100.
    if libc.linkat(-100, f'/proc/self/fd/{descriptor}'.encode(), -100, name.encode(), 0x400) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

first, kept, lost = unnamed(b'a' * 70000), unnamed(b'b' * 70000), unnamed(b'c' * 70000)
assert os.fstat(kept).st_nlink == 0 and os.fstat(kept).st_mode == 0o100640
assert os.listdir('.') == ['lost+found']
link(kept, 'kept')
assert os.fstat(kept).st_nlink == 1
try:
    link(unnamed(b'd', os.O_EXCL), 'exclusive')
    sys.exit('a file made with O_EXCL was linked')
except FileNotFoundError:
    pass
os.close(first)
os.write(kept, b'b')
assert open('kept', 'rb').read() == b'b' * 70001
os.link('kept', 'again')
os.unlink('kept')
os.fsync(kept)
if 'kill' in sys.argv:
    os.kill(int(sys.argv[-1]), 9)
