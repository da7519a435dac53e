import CExt2
import Glibc
import SystemPackage

extension Errno {
  /// The file system's structures contradict each other (`EUCLEAN`).
  static var corrupted: Errno { Errno(rawValue: EUCLEAN) }
}

/// Turns an error of libext2fs into a thrown one: an error of the system as it is, lack of space and names that are
/// not there as users know them, and everything else as a corrupted file system.
func ext2Check(_ code: errcode_t) throws(Errno) {
  switch Int(code) {
  case 0: return
  case 1..<256: throw Errno(rawValue: Int32(code))
  case Int(EXT2_ET_NO_MEMORY): throw .noMemory
  case Int(EXT2_ET_BLOCK_ALLOC_FAIL), Int(EXT2_ET_INODE_ALLOC_FAIL), Int(EXT2_ET_DIR_NO_SPACE),
    Int(EXT2_ET_EA_NO_SPACE):
    throw .noSpace
  case Int(EXT2_ET_FILE_NOT_FOUND): throw .noSuchFileOrDirectory
  case Int(EXT2_ET_EA_KEY_NOT_FOUND): throw Errno(rawValue: ENODATA)
  case Int(EXT2_ET_FILE_TOO_BIG): throw .fileTooLarge
  case Int(EXT2_ET_SHORT_READ), Int(EXT2_ET_SHORT_WRITE): throw .ioError
  case Int(EXT2_ET_RO_FILSYS): throw .readOnlyFileSystem
  case Int(EXT2_ET_INVALID_ARGUMENT): throw .invalidArgument
  default: throw .corrupted
  }
}
