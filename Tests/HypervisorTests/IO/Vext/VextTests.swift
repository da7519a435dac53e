import Testing

/// The vext device under a fake driver. One test at a time: each I/O thread polls, and wants a core.
@Suite(.serialized, .timeLimit(.minutes(20))) enum VextTests {}
