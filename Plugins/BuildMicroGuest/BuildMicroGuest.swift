import Foundation
import PackagePlugin

/// Compiles the freestanding guest and generates one Swift file that holds its image.
///
/// All of it is one command with one output: intermediate files that were declared as outputs would become
/// resources of the target.
@main
struct BuildMicroGuest: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) async throws -> [Command] {
    let sources = context.package.directoryURL.appending(path: "Sources")
    let guest = sources.appending(path: "MicroGuest/Guest")
    // Compiled for the guest as well as for the host.
    let shared = [sources.appending(path: "MicroGuest/Shared"), sources.appending(path: "VextProtocol")]
    let inputs = try files(in: guest) + shared.flatMap { try files(in: $0) }

    let output = context.pluginWorkDirectoryURL.appending(path: "MicroGuestImage+Generated.swift")
    let tools = try ["swiftc", "clang", "ld.lld"].map { try context.tool(named: $0).url.path }
    return [
      .buildCommand(
        displayName: "Building the micro guest",
        executable: try context.tool(named: "MicroGuestBuilder").url,
        arguments: tools + [context.pluginWorkDirectoryURL.path, output.path] + inputs.map(\.path),
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
