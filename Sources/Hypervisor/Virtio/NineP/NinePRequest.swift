/// The requests of 9P2000.L by their number on the wire; the answer's number is one more.
enum NinePRequest: UInt8, CaseIterable {
  case statfs = 8
  case lopen = 12
  case lcreate = 14
  case symlink = 16
  case mknod = 18
  case rename = 20
  case readlink = 22
  case getattr = 24
  case setattr = 26
  case xattrwalk = 30
  case xattrcreate = 32
  case readdir = 40
  case fsync = 50
  case lock = 52
  case getlock = 54
  case link = 70
  case mkdir = 72
  case renameat = 74
  case unlinkat = 76
  case version = 100
  case auth = 102
  case attach = 104
  case flush = 108
  case walk = 110
  case read = 116
  case write = 118
  case clunk = 120
  case remove = 122

  /// Whether it changes the share whatever its fields say, so that a read-only share refuses it unread.
  var changesShare: Bool {
    switch self {
    case .lcreate, .symlink, .mknod, .rename, .setattr, .xattrcreate, .link, .mkdir, .renameat, .unlinkat,
      .remove:
      true
    case .statfs, .lopen, .readlink, .getattr, .xattrwalk, .readdir, .fsync, .lock, .getlock, .version, .auth,
      .attach, .flush, .walk, .read, .write, .clunk:
      false
    }
  }
}
