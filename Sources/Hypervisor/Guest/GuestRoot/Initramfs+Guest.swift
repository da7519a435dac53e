extension Initramfs {
  /// Makes the initramfs of a guest: the init, the modules that it loads, and its task.
  ///
  /// - Parameters:
  ///   - initProgram: the executable, `GuestInitImage.bytes()`.
  ///   - moduleFiles: the host's files in the order of loading: ``KernelModules/files(for:)``.
  ///   - task: the task of the root's `/virt/init`; nil for the root's own.
  public init(
    initProgram: [UInt8], moduleFiles: [String], task: GuestTask?
  ) throws(GuestRootError) {
    self.init()
    addFile("init", initProgram, permissions: 0o755)
    // The kernel opens the console for the init before any file system is mounted.
    addDirectory("dev")
    addCharacterDevice("dev/console", major: 5, minor: 1)
    try addModules(moduleFiles)
    if let task { try add(task) }
  }

  private mutating func addModules(_ files: [String]) throws(GuestRootError) {
    guard !files.isEmpty else { return }
    addDirectory("modules")
    var index = ""
    for file in files {
      var name = file.split(separator: "/").last.map(String.init) ?? file
      if let compression = ModuleCompression(path: file) {
        name.removeLast(compression.rawValue.count + 1)
        addFile("modules/\(name)", try compression.contents(of: file))
      } else {
        try addFile("modules/\(name)", copying: file)
      }
      index += "\(name)\n"
    }
    addFile("modules/index", Array(index.utf8))
  }

  private mutating func add(_ task: GuestTask) throws(GuestRootError) {
    addDirectory("lkvm", permissions: 0o700)
    if !task.arguments.isEmpty {
      addFile("lkvm/command", try Self.records(task.arguments, "command"), permissions: 0o600)
    }
    if let script = task.script { addFile("lkvm/script", script, permissions: 0o700) }
    if !task.environment.isEmpty {
      addFile("lkvm/environment", try Self.records(task.environment, "environment"), permissions: 0o600)
    }
    if let directory = task.directory {
      guard !directory.utf8.contains(0) else { throw .zeroByte(in: "working directory") }
      addFile("lkvm/directory", Array(directory.utf8), permissions: 0o600)
    }
  }

  /// The texts, each with a terminating zero byte.
  private static func records(_ texts: [String], _ name: String) throws(GuestRootError) -> [UInt8] {
    var bytes: [UInt8] = []
    for text in texts {
      guard !text.utf8.contains(0) else { throw .zeroByte(in: name) }
      bytes += text.utf8
      bytes.append(0)
    }
    return bytes
  }
}
