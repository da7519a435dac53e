"""What eight processes do at the same time in a folder: data through every kind of descriptor, long listings, attributes, flags. Each checks
what it reads. Arguments: folder, seed. The output is what is wrong; nothing if nothing is."""
import array, fcntl, mmap, os, random, sys

FS_IOC_GETFLAGS, FS_IOC_SETFLAGS, FS_NODUMP_FL = 0x80086601, 0x40086602, 0x40
SIZE, BLOCK = 3 << 20, 4096


def data(path, chance):
    model = bytearray(SIZE)
    buffered = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    direct = os.open(path, os.O_RDWR | os.O_DIRECT)
    os.ftruncate(buffered, SIZE)
    memory = mmap.mmap(-1, SIZE)
    for step in range(40):
        whole = chance.random() < 0.5
        unit = BLOCK if whole else 1
        offset = chance.randrange(SIZE // unit) * unit
        longest = chance.choice([1 << 12, 1 << 16, SIZE])
        count = max(unit, min(chance.randint(1, longest), SIZE - offset) // unit * unit)
        if chance.random() < 0.5:
            bytes_ = chance.randbytes(count)
            model[offset:offset + count] = bytes_
            if whole:
                memory[:count] = bytes_
                assert os.pwritev(direct, [memoryview(memory)[:count]], offset) == count
            else:
                assert os.pwrite(buffered, bytes_, offset) == count
        elif whole:
            assert os.preadv(direct, [memoryview(memory)[:count]], offset) == count
            assert memory[:count] == model[offset:offset + count], f'direct read at {offset} for {count}'
        else:
            assert os.pread(buffered, count, offset) == model[offset:offset + count], f'read at {offset} for {count}'
    os.fsync(buffered)
    os.close(buffered)
    os.close(direct)
    assert open(path, 'rb').read() == model, 'the whole file'


def names(path, chance):
    os.mkdir(path)
    made = {f'{number}-{"n" * chance.randint(1, 200)}' for number in range(1500)}
    for name in made:
        os.close(os.open(f'{path}/{name}', os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    assert set(os.listdir(path)) == made, 'names'
    for entry in os.scandir(path):
        assert entry.stat().st_size == 0
    moved = f'{path}/moved'
    for name in sorted(made)[::7]:
        os.rename(f'{path}/{name}', moved)
        os.unlink(moved)
        made.remove(name)
    assert set(os.listdir(path)) == made, 'names after removals'


def attributes(path, chance):
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    values = {f'user.{number}': chance.randbytes(chance.randint(0, 100)) for number in range(6)}
    for name, value in values.items():
        os.setxattr(descriptor, name, value)
    assert set(os.listxattr(descriptor)) == set(values), 'names of attributes'
    for name, value in values.items():
        assert os.getxattr(descriptor, name) == value, f'attribute {name}'
    flags = array.array('l', [0])
    fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, flags)
    fcntl.ioctl(descriptor, FS_IOC_SETFLAGS, array.array('l', [flags[0] | FS_NODUMP_FL]))
    fcntl.ioctl(descriptor, FS_IOC_GETFLAGS, flags)
    assert flags[0] & FS_NODUMP_FL, 'flags'
    target = 't' * chance.randint(1, 1000)
    os.symlink(target, path + '-link')
    assert os.readlink(path + '-link') == target, 'symbolic link'
    os.truncate(path, 5 << 30)
    assert os.lseek(descriptor, 0, os.SEEK_HOLE) == 0, 'hole'
    unnamed = os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(unnamed, b'unnamed')
    assert os.pread(unnamed, 100, 0) == b'unnamed', 'unnamed file'


folder, seed = sys.argv[1], int(sys.argv[2])
children = []
for number in range(8):
    child = os.fork()
    if child == 0:
        chance = random.Random(seed * 8 + number)
        try:
            [data, names, data, attributes][number % 4](f'{folder}/{seed}-{number}', chance)
            os._exit(0)
        except BaseException as error:
            print(f'process {number}: {error!r}', flush=True)
            os._exit(1)
    children.append(child)
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
