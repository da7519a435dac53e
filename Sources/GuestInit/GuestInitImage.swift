import EmbeddedImage

/// The first process of a Linux guest, as the package's build embedded it.
///
/// Beside the kernel's `root=` (also `UUID=`, `LABEL=`, `PARTUUID=`, `PARTLABEL=`), `rootfstype=`, `rootflags=`, `ro`, `rw`, `init=`
/// and `console=` it reads:
///
/// - `lkvm.host=ro|rw|none[,OPTIONS]`: how the 9p share `hostfs` is mounted on /host; `ro,cache=mmap` by default.
/// - `lkvm.net=ADDRESS/PREFIX[,GATEWAY[,DNS]]`: IPv4 of eth0. The DNS server gets into /run/resolv.conf.
/// - `lkvm.exit=PORT|none`: the decimal I/O port that takes the command's exit status as a byte; 244 by default.
/// - `lkvm.input=pipe`: the command reads a pipe, into which the init writes what comes from the console (`InputPipe`).
/// - `lkvm.window=COLUMNSxROWS`: the size of the terminal.
/// - `lkvm.crlf=0`: the terminal leaves newlines as they are, for output that goes to a file.
public enum GuestInitImage {
  /// A static ELF executable for x86-64 Linux: `/init` of an initramfs, and `/virt/init` of a root directory.
  public static func bytes() -> [UInt8] { Base64Literal.decode(base64) }
}
