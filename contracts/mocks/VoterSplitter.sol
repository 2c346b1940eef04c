// SPDX-License-Identifier: MIT
pragma solidity 0.8.34;

/// @title A validator's fund address that shares with its voters (Z-21; tests and the guide)
/// @notice Pull-type: what arrives is only received, 2,300 gas are enough; everybody withdraws its own part.
/// A ratio of 0 leaves all to the owner, 100 all to the voters, otherwise the voters get
/// floor(received / 100) * ratio and the owner the rest.
contract VoterSplitter {
    address public immutable OWNER;
    uint256 public immutable RATIO;

    uint256 public totalVotes;
    uint256 public totalWithdrawn;
    mapping(address voter => uint256) public votes;
    mapping(address account => uint256) public withdrawn;

    error RatioOutOfRange(uint256 ratio);
    error LengthMismatch(uint256 voters, uint256 votes);
    error NothingToWithdraw(address account);
    error WithdrawFailed(address account);

    constructor(address owner, uint256 ratio, address[] memory voters, uint256[] memory votes_) {
        if (ratio > 100) revert RatioOutOfRange(ratio);
        if (voters.length != votes_.length) revert LengthMismatch(voters.length, votes_.length);
        OWNER = owner;
        RATIO = ratio;
        for (uint256 i = 0; i < voters.length; ++i) {
            votes[voters[i]] += votes_[i];
            totalVotes += votes_[i];
        }
    }

    receive() external payable {}

    function withdraw(address account) external {
        uint256 amount = withdrawable(account);
        if (amount == 0) revert NothingToWithdraw(account);
        withdrawn[account] += amount;
        totalWithdrawn += amount;
        (bool ok, ) = account.call{value: amount}("");
        if (!ok) revert WithdrawFailed(account);
    }

    function withdrawable(address account) public view returns (uint256) {
        uint256 received = address(this).balance + totalWithdrawn;
        uint256 pool = RATIO == 100 ? received : (received / 100) * RATIO;
        uint256 due = totalVotes == 0 ? 0 : (pool * votes[account]) / totalVotes;
        if (account == OWNER) due += received - pool;
        return due - withdrawn[account];
    }
}
