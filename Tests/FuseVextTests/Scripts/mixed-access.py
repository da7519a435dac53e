"""Random writes and reads of a file through shared mappings, buffered and direct descriptors, against an array. Arguments: file, seed,
steps. Direct requests are whole blocks; after a step through a mapping the others see it at once, as on ext4."""
import mmap, os, random, sys

path, seed, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
SIZE, BLOCK = 1 << 20, 4096
random.seed(seed)
descriptors = {
    'buffered': os.open(path, os.O_RDWR | os.O_CREAT, 0o644),
    'direct': os.open(path, os.O_RDWR | os.O_DIRECT),
}
os.ftruncate(descriptors['buffered'], SIZE)
maps = {name: mmap.mmap(descriptor, SIZE) for name, descriptor in descriptors.items()}
model = bytearray(SIZE)
aligned = mmap.mmap(-1, 16 * BLOCK)

for step in range(steps):
    way = random.choice(['map-buffered', 'map-direct', 'buffered', 'direct'])
    if way == 'direct':
        offset = random.randrange(SIZE // BLOCK) * BLOCK
        count = min(random.randint(1, 16) * BLOCK, SIZE - offset)
    else:
        offset = random.randrange(SIZE)
        count = min(random.randint(1, 20000), SIZE - offset)
    end = offset + count
    if random.random() < 0.5:
        data = random.randbytes(count)
        model[offset:end] = data
        if way.startswith('map-'):
            maps[way[4:]][offset:end] = data
        elif way == 'direct':
            aligned[:count] = data
            assert os.pwritev(descriptors[way], [memoryview(aligned)[:count]], offset) == count
        else:
            assert os.pwrite(descriptors[way], data, offset) == count
    else:
        if way.startswith('map-'):
            seen = maps[way[4:]][offset:end]
        elif way == 'direct':
            assert os.preadv(descriptors[way], [memoryview(aligned)[:count]], offset) == count
            seen = aligned[:count]
        else:
            seen = os.pread(descriptors[way], count, offset)
        if seen != model[offset:end]:
            first = next(i for i in range(count) if seen[i] != model[offset + i])
            sys.exit(f'step {step}: {way} at {offset} for {count}: differs from {offset + first} on')
    if random.random() < 0.02:
        random.choice([lambda: os.fsync(descriptors['direct']), maps['buffered'].flush, maps['direct'].flush])()
for mapping in maps.values():
    mapping.flush()
open(sys.argv[1] + '.model', 'wb').write(model)
