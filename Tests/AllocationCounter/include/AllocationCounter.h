#pragma once

#include <stdint.h>

/// How often the calling thread has asked the C heap for memory so far.
///
/// Linking this target puts counting forms of malloc and its kin before glibc's, for the whole test process: the
/// Swift runtime's objects, arrays and boxes come from there too. Memory that is mapped directly is not counted.
uint64_t allocation_count(void);
