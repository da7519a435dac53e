/// One valid request of each kind, with small fid numbers: what hostile ones are made from.
enum NinePCorpus {
  private typealias T = NinePClient.T

  /// Whole messages. Fids 0 to 3 may be anything when they are sent.
  static var messages: [[UInt8]] {
    let body = NinePMessage()
    let list: [(UInt8, NinePMessage)] = [
      (T.statfs, body.u32(0)),
      (T.lopen, body.u32(1).u32(0o2)),
      (T.lcreate, body.u32(1).string("made").u32(0o102).u32(0o644).u32(0)),
      (T.symlink, body.u32(0).string("link").string("../../etc/passwd").u32(0)),
      (T.mknod, body.u32(0).string("node").u32(0o100644).u32(1).u32(3).u32(0)),
      (T.rename, body.u32(1).u32(0).string("renamed")),
      (T.readlink, body.u32(2)),
      (T.getattr, body.u32(0).u64(0x7FF)),
      (
        T.setattr,
        (0..<5).reduce(body.u32(1).u32(0x1FF).u32(0o755).u32(0).u32(0)) { message, _ in message.u64(3) }
      ),
      (T.xattrwalk, body.u32(1).u32(3).string("user.name")),
      (T.xattrcreate, body.u32(1).string("user.name").u64(4).u32(0)),
      (T.readdir, body.u32(2).u64(0).u32(4096)),
      (T.fsync, body.u32(1).u32(1)),
      (T.lock, body.u32(1).u8(1).u32(1).u64(0).u64(10).u32(1).string("guest")),
      (T.getlock, body.u32(1).u8(1).u64(0).u64(10).u32(1).string("guest")),
      (T.link, body.u32(0).u32(1).string("hard")),
      (T.mkdir, body.u32(0).string("folder").u32(0o755).u32(0)),
      (T.renameat, body.u32(0).string("file").u32(0).string("other")),
      (T.unlinkat, body.u32(0).string("folder").u32(0x200)),
      (T.version, body.u32(8192).string("9P2000.L")),
      (T.auth, body.u32(3).string("root").string("").u32(0)),
      (T.attach, body.u32(3).u32(.max).string("root").string("").u32(0)),
      (T.flush, body.u16(1)),
      (T.walk, body.u32(0).u32(1).u16(2).string("folder").string("..")),
      (T.read, body.u32(1).u64(0).u32(100)),
      (T.write, body.u32(1).u64(0).data([1, 2, 3, 4])),
      (T.clunk, body.u32(1)),
      (T.remove, body.u32(1)),
    ]
    return list.map { $1.framed($0) }
  }
}
