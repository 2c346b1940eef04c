// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title OpenZeppelin's ERC-20 as it is: the token that gas figures are measured with
contract GasToken is ERC20("Gas Token", "GAS") {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
