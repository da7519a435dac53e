import Foundation
import PackagePlugin

/// Compiles the freestanding program in a target's folder `Guest` and generates one Swift file that holds it.
///
/// All of it is one command with one output: intermediate files that were declared as outputs would become
/// resources of the target.
@main
struct BuildFreestanding: BuildToolPlugin {
  private struct Recipe {
    /// What is compiled in besides the target's folder `Guest`: sources that the host compiles as well.
    var shared: [String] = []
    /// As for swiftc, in debug builds too.
    var optimization: String
  }

  private static let recipes = [
    // Not optimized, it would measure itself.
    "MicroGuest": Recipe(shared: ["MicroGuest/Shared", "VextProtocol"], optimization: "-O"),
    // It runs once, and every guest's initramfs carries it.
    "GuestInit": Recipe(optimization: "-Osize"),
    // Assembly alone.
    "RealModeBIOS": Recipe(optimization: "-Osize"),
  ]

  func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
    guard let recipe = Self.recipes[target.name] else { return [] }
    let sources = context.package.directoryURL.appending(path: "Sources")
    let folders = ["\(target.name)/Guest"] + recipe.shared
    let inputs = try folders.flatMap { try files(in: sources.appending(path: $0)) }

    let output = context.pluginWorkDirectoryURL.appending(path: "\(target.name)Image+Generated.swift")
    let tools = try ["swiftc", "clang", "ld.lld"].map { try context.tool(named: $0).url.path }
    return [
      .buildCommand(
        displayName: "Building the freestanding program of \(target.name)",
        executable: try context.tool(named: "FreestandingBuilder").url,
        arguments: tools
          + [recipe.optimization, "\(target.name)Image", context.pluginWorkDirectoryURL.path, output.path]
          + inputs.map(\.path),
        inputFiles: inputs,
        outputFiles: [output])
    ]
  }

  /// Every file below `folder`, in an order that does not depend on the file system.
  private func files(in folder: URL) throws -> [URL] {
    let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path).sorted()
    return names.map { folder.appending(path: $0) }.filter {
      !$0.pathExtension.isEmpty && !$0.hasDirectoryPath
    }
  }
}
