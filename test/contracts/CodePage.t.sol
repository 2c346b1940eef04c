// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {CodePage} from "../../contracts/libraries/CodePage.sol";

/// @title Pages kept as code: what was written is what is read
contract CodePageTest {
    /// @dev A full roster page.
    uint256 private constant MAX_BYTES = 8_192;

    function testFuzz_R13_readsWhatWasWritten(uint256 seed, uint16 length) external {
        bytes memory data = bytesFrom(seed, length % (MAX_BYTES + 1));
        address page = CodePage.write(data);
        assert(page.code.length == data.length + CodePage.PREFIX);
        assert(keccak256(read(page, 0, data.length)) == keccak256(data));
    }

    function testFuzz_R13_readsASliceAndZerosBeyondTheEnd(
        uint256 seed,
        uint16 length,
        uint16 start,
        uint8 size
    ) external {
        bytes memory data = bytesFrom(seed, length % (MAX_BYTES + 1));
        address page = CodePage.write(data);
        uint256 offset = start % (MAX_BYTES + 64);
        bytes memory got = read(page, offset, size);
        for (uint256 i = 0; i < size; ++i) {
            bytes1 expected = offset + i < data.length ? data[offset + i] : bytes1(0);
            assert(got[i] == expected);
        }
    }

    function testFuzz_R13_aPageDoesNothingWhenCalled(uint256 seed) external {
        // SELFDESTRUCT, had the page been run from its first data byte.
        bytes memory data = bytes.concat(hex"33ff", bytesFrom(seed, 64));
        address page = CodePage.write(data);
        (bool ok, bytes memory answer) = page.call(data);
        assert(ok && answer.length == 0);
        assert(page.code.length == data.length + CodePage.PREFIX);
    }

    function read(
        address page,
        uint256 offset,
        uint256 size
    ) private view returns (bytes memory got) {
        got = new bytes(size);
        uint256 target;
        assembly ("memory-safe") {
            target := add(got, 0x20)
        }
        CodePage.copy(page, target, offset, size);
    }

    function bytesFrom(uint256 seed, uint256 length) private pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; i += 32) {
            bytes32 chunk = keccak256(abi.encode(seed, i));
            for (uint256 j = 0; j < 32 && i + j < length; ++j) data[i + j] = chunk[j];
        }
    }
}
