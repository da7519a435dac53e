import Testing

/// Guests of a few bytes on real KVM, one test at a time: each one's vCPU wants a core.
@Suite(
  .serialized, .enabled(if: KVMAvailability.isAvailable, "/dev/kvm cannot be opened, or lacks a capability"),
  .timeLimit(.minutes(2)))
enum TinyGuests {}
