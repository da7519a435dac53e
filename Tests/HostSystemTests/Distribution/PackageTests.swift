import Foundation
import Testing

/// The Debian package, made of the released programs if they are up to date, otherwise of those of this debug build.
@Suite(
  .enabled(
    if: getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/dpkg-shlibdeps"),
    "root and dpkg-dev are needed"))
struct PackageTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    .standardizedFileURL.path
  private static let programs = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    .deletingLastPathComponent().path

  private static let names = ["bench", "fuse-vext", "lkvm", "vext-io", "vextd"]

  @Test(.timeLimit(.minutes(20)))
  func `programs of the package work in a clean root, without the checkout`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "vext-package-\(UUID().uuidString)")
      .path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let isReleased = try Self.names.allSatisfy {
      try Self.run(["\(Self.root)/scripts/lib/build", "--current", $0]).exitCode == 0
    }
    // scripts/test asks for them once it has built them.
    try #require(isReleased || ProcessInfo.processInfo.environment["VEXT_PACKAGE_RELEASED"] == nil)
    let made = try Self.run(
      ["\(Self.root)/scripts/package", "--output", folder]
        + (isReleased ? [] : ["--programs", Self.programs]))
    try #require(made.exitCode == 0, "\(made.output)")
    let package = made.output.split(separator: "\n").last.map(String.init) ?? ""
    let dependencies = try Self.run(["/usr/bin/dpkg-deb", "--field", package, "Depends"]).output
    for library in ["libc6", "libext2fs2", "libfuse3-", "liblzma5", "libzstd1", "zlib1g"] {
      #expect(dependencies.contains(library))
    }
    #expect(!dependencies.contains("swift"))
    let use = """
      set -e; cd /tmp
      ! ls -d \(Self.root) 2> /dev/null
      for name in \(Self.names.joined(separator: " ")); do
        [[ $(command -v $name) == /usr/bin/$name ]]
        gzip -dc /usr/share/man/man1/$name.1.gz | grep -q '^.TH'
        bash -n /usr/share/bash-completion/completions/$name
        [[ -s /usr/share/zsh/vendor-completions/_$name && -s /usr/share/fish/vendor_completions.d/$name.fish ]]
      done
      bench --version; vext-io --version; vextd --version; fuse-vext -V; lkvm version; lkvm list
      if [[ -e /dev/fuse ]]; then
        truncate -s 8M disk.img; mkfs.ext4 -q disk.img; mkdir mnt
        fuse-vext disk.img mnt; echo kept > mnt/file; umount mnt
        for try in {1..100}; do fuse-vext -o ro disk.img mnt && break; sleep 0.1; done
        [[ $(cat mnt/file) == kept ]]; umount mnt
      fi
      """
    // A debug build needs the toolchain's libraries.
    let used = try Self.run(
      ["\(Self.root)/scripts/lib/tests/clean-root"] + (isReleased ? [] : ["--toolchain"]) + [package, use])
    #expect(used.exitCode == 0, "\(used.output)")
    #expect(used.output.contains("lkvm 0.") && used.output.contains("fuse-vext 0."))
  }

  @Test func `install refuses an unknown argument by its usage`() throws {
    let outcome = try Self.run(["\(Self.root)/scripts/install", "--nowhere"])
    #expect(outcome.exitCode == 64)
    #expect(outcome.output.hasPrefix("install: error: unknown argument '--nowhere'; usage: scripts/install"))
  }

  /// Runs a command; its exit code and its output on both streams.
  private static func run(_ command: [String]) throws -> (exitCode: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(filePath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardInput = FileHandle.nullDevice
    let pipe = Pipe()
    (process.standardOutput, process.standardError) = (pipe, pipe)
    try process.run()
    let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
