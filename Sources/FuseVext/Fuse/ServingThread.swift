/// The state of one thread while it serves requests.
final class ServingThread {
  let worker: Worker
  /// `write_flags` of the WRITE that the thread serves (`FUSE_WRITE_` in linux/fuse.h): libfuse passes on the first alone.
  var writeFlags: UInt32 = 0

  /// The flags of the descriptor, of READDIR and READDIRPLUS, which libfuse does not pass on.
  var listingFlags: Int32 = 0

  init(worker: Worker) { self.worker = worker }
}
