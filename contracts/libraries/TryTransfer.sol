// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title Payments that answer false where others revert
/// @notice The payee gets a bounded amount of gas, none of its return data is copied beyond one word, and a token's
/// answer is read: nothing, or true. Anything else is a refusal (R-30).
library TryTransfer {
    /// @dev What the EVM adds to a call that carries value.
    uint256 internal constant CALL_STIPEND = 2_300;

    /// @param token The token, or zero for the native coin. The caller has checked that it has code.
    /// @param gasLimit Gas for the payee (native) or for the token's transfer; all that is left when larger.
    function tryTransfer(
        address token,
        address to,
        uint256 amount,
        uint256 gasLimit
    ) internal returns (bool ok) {
        if (token == address(0)) {
            uint256 given = gasLimit - CALL_STIPEND;
            assembly ("memory-safe") {
                ok := call(given, to, amount, 0, 0, 0, 0)
            }
            return ok;
        }
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, shl(224, 0xa9059cbb)) // transfer(address,uint256)
            mstore(add(free, 4), to)
            mstore(add(free, 36), amount)
            ok := call(gasLimit, token, 0, free, 68, 0, 32)
            if returndatasize() {
                ok := and(ok, and(gt(returndatasize(), 31), eq(mload(0), 1)))
            }
        }
    }
}
