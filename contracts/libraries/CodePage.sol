// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title Pages of the roster kept as contract code
/// @notice A page is immutable and costs 200 gas a byte once; reading it costs 3 gas a word after one cold access,
/// against 2,100 for a storage slot. The first byte of the code is STOP, so that nobody can run a page.
library CodePage {
    /// @dev Bytes before the data.
    uint256 internal constant PREFIX = 1;

    error PageNotCreated(uint256 bytesGiven);

    /// @notice Deploys `data` as code. Data is at most 256 * 32 = 8,192 bytes here, a third of EIP-170's limit.
    function write(bytes memory data) internal returns (address page) {
        // PUSH2 len, DUP1, PUSH1 10, RETURNDATASIZE, CODECOPY, RETURNDATASIZE, RETURN: returns what follows it.
        bytes memory init = bytes.concat(
            hex"61",
            bytes2(uint16(data.length + PREFIX)),
            hex"80600a3d393df3",
            hex"00",
            data
        );
        assembly ("memory-safe") {
            page := create(0, add(init, 0x20), mload(init))
        }
        if (page == address(0)) revert PageNotCreated(data.length);
    }

    /// @notice Copies `size` bytes of a page from byte `offset` into memory at `target`; zeros beyond its end.
    /// @dev The caller owns memory [target, target + size).
    function copy(address page, uint256 target, uint256 offset, uint256 size) internal view {
        assembly ("memory-safe") {
            extcodecopy(page, target, add(offset, PREFIX), size)
        }
    }
}
