/* The names of the system calls of x86-64, as the headers of Linux 6.1 have them. */
#ifndef CSECCOMP_NAMES_H
#define CSECCOMP_NAMES_H

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>

/* A name of up to 23 bytes at the index of the call's number; numbers without a call have an empty one. */
static const char cseccomp_names[][24] = {
#define ROW(name) [__NR_##name] = #name,
  ROW(read) ROW(write) ROW(open) ROW(close) ROW(stat) ROW(fstat) ROW(lstat) ROW(poll) ROW(lseek) ROW(mmap) ROW(mprotect)
  ROW(munmap) ROW(brk) ROW(rt_sigaction) ROW(rt_sigprocmask) ROW(rt_sigreturn) ROW(ioctl) ROW(pread64) ROW(pwrite64) ROW(readv)
  ROW(writev) ROW(access) ROW(pipe) ROW(select) ROW(sched_yield) ROW(mremap) ROW(msync) ROW(mincore) ROW(madvise) ROW(shmget)
  ROW(shmat) ROW(shmctl) ROW(dup) ROW(dup2) ROW(pause) ROW(nanosleep) ROW(getitimer) ROW(alarm) ROW(setitimer) ROW(getpid)
  ROW(sendfile) ROW(socket) ROW(connect) ROW(accept) ROW(sendto) ROW(recvfrom) ROW(sendmsg) ROW(recvmsg) ROW(shutdown)
  ROW(bind) ROW(listen) ROW(getsockname) ROW(getpeername) ROW(socketpair) ROW(setsockopt) ROW(getsockopt) ROW(clone) ROW(fork)
  ROW(vfork) ROW(execve) ROW(exit) ROW(wait4) ROW(kill) ROW(uname) ROW(semget) ROW(semop) ROW(semctl) ROW(shmdt) ROW(msgget)
  ROW(msgsnd) ROW(msgrcv) ROW(msgctl) ROW(fcntl) ROW(flock) ROW(fsync) ROW(fdatasync) ROW(truncate) ROW(ftruncate)
  ROW(getdents) ROW(getcwd) ROW(chdir) ROW(fchdir) ROW(rename) ROW(mkdir) ROW(rmdir) ROW(creat) ROW(link) ROW(unlink)
  ROW(symlink) ROW(readlink) ROW(chmod) ROW(fchmod) ROW(chown) ROW(fchown) ROW(lchown) ROW(umask) ROW(gettimeofday)
  ROW(getrlimit) ROW(getrusage) ROW(sysinfo) ROW(times) ROW(ptrace) ROW(getuid) ROW(syslog) ROW(getgid) ROW(setuid) ROW(setgid)
  ROW(geteuid) ROW(getegid) ROW(setpgid) ROW(getppid) ROW(getpgrp) ROW(setsid) ROW(setreuid) ROW(setregid) ROW(getgroups)
  ROW(setgroups) ROW(setresuid) ROW(getresuid) ROW(setresgid) ROW(getresgid) ROW(getpgid) ROW(setfsuid) ROW(setfsgid)
  ROW(getsid) ROW(capget) ROW(capset) ROW(rt_sigpending) ROW(rt_sigtimedwait) ROW(rt_sigqueueinfo) ROW(rt_sigsuspend)
  ROW(sigaltstack) ROW(utime) ROW(mknod) ROW(uselib) ROW(personality) ROW(ustat) ROW(statfs) ROW(fstatfs) ROW(sysfs)
  ROW(getpriority) ROW(setpriority) ROW(sched_setparam) ROW(sched_getparam) ROW(sched_setscheduler) ROW(sched_getscheduler)
  ROW(sched_get_priority_max) ROW(sched_get_priority_min) ROW(sched_rr_get_interval) ROW(mlock) ROW(munlock) ROW(mlockall)
  ROW(munlockall) ROW(vhangup) ROW(modify_ldt) ROW(pivot_root) ROW(_sysctl) ROW(prctl) ROW(arch_prctl) ROW(adjtimex)
  ROW(setrlimit) ROW(chroot) ROW(sync) ROW(acct) ROW(settimeofday) ROW(mount) ROW(umount2) ROW(swapon) ROW(swapoff) ROW(reboot)
  ROW(sethostname) ROW(setdomainname) ROW(iopl) ROW(ioperm) ROW(create_module) ROW(init_module) ROW(delete_module)
  ROW(get_kernel_syms) ROW(query_module) ROW(quotactl) ROW(nfsservctl) ROW(getpmsg) ROW(putpmsg) ROW(afs_syscall) ROW(tuxcall)
  ROW(security) ROW(gettid) ROW(readahead) ROW(setxattr) ROW(lsetxattr) ROW(fsetxattr) ROW(getxattr) ROW(lgetxattr)
  ROW(fgetxattr) ROW(listxattr) ROW(llistxattr) ROW(flistxattr) ROW(removexattr) ROW(lremovexattr) ROW(fremovexattr) ROW(tkill)
  ROW(time) ROW(futex) ROW(sched_setaffinity) ROW(sched_getaffinity) ROW(set_thread_area) ROW(io_setup) ROW(io_destroy)
  ROW(io_getevents) ROW(io_submit) ROW(io_cancel) ROW(get_thread_area) ROW(lookup_dcookie) ROW(epoll_create) ROW(epoll_ctl_old)
  ROW(epoll_wait_old) ROW(remap_file_pages) ROW(getdents64) ROW(set_tid_address) ROW(restart_syscall) ROW(semtimedop)
  ROW(fadvise64) ROW(timer_create) ROW(timer_settime) ROW(timer_gettime) ROW(timer_getoverrun) ROW(timer_delete)
  ROW(clock_settime) ROW(clock_gettime) ROW(clock_getres) ROW(clock_nanosleep) ROW(exit_group) ROW(epoll_wait) ROW(epoll_ctl)
  ROW(tgkill) ROW(utimes) ROW(vserver) ROW(mbind) ROW(set_mempolicy) ROW(get_mempolicy) ROW(mq_open) ROW(mq_unlink)
  ROW(mq_timedsend) ROW(mq_timedreceive) ROW(mq_notify) ROW(mq_getsetattr) ROW(kexec_load) ROW(waitid) ROW(add_key)
  ROW(request_key) ROW(keyctl) ROW(ioprio_set) ROW(ioprio_get) ROW(inotify_init) ROW(inotify_add_watch) ROW(inotify_rm_watch)
  ROW(migrate_pages) ROW(openat) ROW(mkdirat) ROW(mknodat) ROW(fchownat) ROW(futimesat) ROW(newfstatat) ROW(unlinkat)
  ROW(renameat) ROW(linkat) ROW(symlinkat) ROW(readlinkat) ROW(fchmodat) ROW(faccessat) ROW(pselect6) ROW(ppoll) ROW(unshare)
  ROW(set_robust_list) ROW(get_robust_list) ROW(splice) ROW(tee) ROW(sync_file_range) ROW(vmsplice) ROW(move_pages)
  ROW(utimensat) ROW(epoll_pwait) ROW(signalfd) ROW(timerfd_create) ROW(eventfd) ROW(fallocate) ROW(timerfd_settime)
  ROW(timerfd_gettime) ROW(accept4) ROW(signalfd4) ROW(eventfd2) ROW(epoll_create1) ROW(dup3) ROW(pipe2) ROW(inotify_init1)
  ROW(preadv) ROW(pwritev) ROW(rt_tgsigqueueinfo) ROW(perf_event_open) ROW(recvmmsg) ROW(fanotify_init) ROW(fanotify_mark)
  ROW(prlimit64) ROW(name_to_handle_at) ROW(open_by_handle_at) ROW(clock_adjtime) ROW(syncfs) ROW(sendmmsg) ROW(setns)
  ROW(getcpu) ROW(process_vm_readv) ROW(process_vm_writev) ROW(kcmp) ROW(finit_module) ROW(sched_setattr) ROW(sched_getattr)
  ROW(renameat2) ROW(seccomp) ROW(getrandom) ROW(memfd_create) ROW(kexec_file_load) ROW(bpf) ROW(execveat) ROW(userfaultfd)
  ROW(membarrier) ROW(mlock2) ROW(copy_file_range) ROW(preadv2) ROW(pwritev2) ROW(pkey_mprotect) ROW(pkey_alloc) ROW(pkey_free)
  ROW(statx) ROW(io_pgetevents) ROW(rseq) ROW(pidfd_send_signal) ROW(io_uring_setup) ROW(io_uring_enter) ROW(io_uring_register)
  ROW(open_tree) ROW(move_mount) ROW(fsopen) ROW(fsconfig) ROW(fsmount) ROW(fspick) ROW(pidfd_open) ROW(clone3)
  ROW(close_range) ROW(openat2) ROW(pidfd_getfd) ROW(faccessat2) ROW(process_madvise) ROW(epoll_pwait2) ROW(mount_setattr)
  ROW(quotactl_fd) ROW(landlock_create_ruleset) ROW(landlock_add_rule) ROW(landlock_restrict_self) ROW(memfd_secret)
  ROW(process_mrelease) ROW(futex_waitv) ROW(set_mempolicy_home_node)
#undef ROW
};

static const uint32_t CSECCOMP_NAME_COUNT = sizeof cseccomp_names / sizeof cseccomp_names[0];

/* The number of the call `name`; -1 if there is none. */
static inline int32_t cseccomp_number(const char *name) {
  if (name[0] == 0) return -1;
  for (uint32_t number = 0; number < CSECCOMP_NAME_COUNT; number++) {
    if (strcmp(cseccomp_names[number], name) == 0) return (int32_t)number;
  }
  return -1;
}

/* The name of the call `number`. */
static inline const char *cseccomp_name(uint32_t number) {
  return number < CSECCOMP_NAME_COUNT && cseccomp_names[number][0] != 0 ? cseccomp_names[number] : "an unnamed call";
}

#endif
