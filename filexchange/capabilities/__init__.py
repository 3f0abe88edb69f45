"""What the operating system offers, and what stands in where it does not.

Linux has all of it. Elsewhere the differences are these, and no other module asks for the
platform:

======================  ==========================  =======================================
mechanism               macOS                       Windows
======================  ==========================  =======================================
`read_at`               preadv (macOS 11)           seek and read, no other user of the
                                                    descriptor
`write_at`              pwrite                      seek and write, as for `read_at`
`start_reading`         nothing                     nothing
`start_writeback`       nothing                     nothing
`preallocate`           nothing                     nothing
`reserve_beyond`        nothing                     nothing
`reserve`               zeros are written           zeros are written
`sync`                  fsync                       fsync
`sync_file_system`      sync                        nothing
`populate`              nothing                     nothing
`swap_names`            two renames                 two renames
`link_new`              hard link                   hard link on NTFS
`link_or_copy`          hard link                   hard link on NTFS
`remove_open_file`      removed                     stays until the exchange ends
`can_lease`             yes                         no: every message is a new file
`lock_exclusively`      flock                       no lock
`wait_alone`            flock                       no wait
`is_open_for_writing`   nobody knows                nobody knows
`lock_ranges`           flock of the whole file     none
`map_bytes`             ctypes or Python 3.13       Python's mmap
`packet_sockets`        none: standard queues       none: standard queues
`are_equal`             memcmp                      NumPy
`shared_memory_dir`     none                        none
`memory_limit`          none                        none
`limit_memory`          no                          no
`sync_directory`        yes                         nothing
`evict`                 no                          no
`resident_bytes`        nobody knows                nobody knows
`anonymous_memory`      nobody knows                nobody knows
`trim_memory`           nothing                     nothing
======================  ==========================  =======================================
"""

from filexchange.capabilities.locks import (
    can_lease,
    is_open_for_writing,
    lock_exclusively,
    lock_ranges,
    lock_shared,
    try_lock_alone,
    unlock,
    wait_alone,
)
from filexchange.capabilities.machine import (
    FileSystem,
    available_memory,
    file_system,
    free_bytes,
    is_private,
    limit_memory,
    memory_limit,
    processor_name,
    raise_descriptor_limit,
    shared_memory_dir,
    user_id,
)
from filexchange.capabilities.mappings import are_equal, map_bytes, map_file, populate
from filexchange.capabilities.names import link_new, link_or_copy, remove_open_file, swap_names
from filexchange.capabilities.pagecache import evict, resident_bytes
from filexchange.capabilities.processes import anonymous_memory, trim_memory
from filexchange.capabilities.sockets import packet_sockets
from filexchange.capabilities.transfers import (
    CAN_READ_ANYWHERE,
    OPEN_FLAGS,
    preallocate,
    read_at,
    reserve,
    reserve_beyond,
    start_reading,
    start_writeback,
    sync,
    sync_directory,
    sync_file_system,
    write_all,
    write_at,
)

__all__ = [
    "CAN_READ_ANYWHERE",
    "OPEN_FLAGS",
    "FileSystem",
    "anonymous_memory",
    "are_equal",
    "available_memory",
    "can_lease",
    "evict",
    "file_system",
    "free_bytes",
    "is_open_for_writing",
    "is_private",
    "limit_memory",
    "link_new",
    "link_or_copy",
    "lock_exclusively",
    "lock_ranges",
    "lock_shared",
    "map_bytes",
    "map_file",
    "memory_limit",
    "packet_sockets",
    "populate",
    "preallocate",
    "processor_name",
    "raise_descriptor_limit",
    "read_at",
    "remove_open_file",
    "reserve",
    "reserve_beyond",
    "resident_bytes",
    "shared_memory_dir",
    "start_reading",
    "start_writeback",
    "swap_names",
    "sync",
    "sync_directory",
    "sync_file_system",
    "trim_memory",
    "try_lock_alone",
    "unlock",
    "user_id",
    "wait_alone",
    "write_all",
    "write_at",
]
