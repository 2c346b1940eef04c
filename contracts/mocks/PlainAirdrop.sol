// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";

/// @title What one writes first: OpenZeppelin's parts in a loop (benchmarks only)
/// @notice Nothing is isolated: one payee that refuses reverts the whole batch.
contract PlainAirdrop is Ownable {
    using SafeERC20 for IERC20;

    error LengthMismatch();

    constructor(address owner) Ownable(owner) {}

    receive() external payable {}

    function payTokens(
        IERC20 token,
        address[] calldata to,
        uint256[] calldata amounts
    ) external onlyOwner {
        if (to.length != amounts.length) revert LengthMismatch();
        for (uint256 i = 0; i < to.length; ++i) token.safeTransfer(to[i], amounts[i]);
    }

    function payCoin(address payable[] calldata to, uint256[] calldata amounts) external onlyOwner {
        if (to.length != amounts.length) revert LengthMismatch();
        for (uint256 i = 0; i < to.length; ++i) Address.sendValue(to[i], amounts[i]);
    }
}
